import { html, nothing, svg } from 'lit';

import type { Ledger } from '../api/types';
import { formatCount, type LedgerSegment, segmentsOf } from '../state/context/ledger';

/** The use of the model's window, as a bar and in numbers. */
export function ledgerView(ledger: Ledger) {
  const segments = segmentsOf(ledger);
  const sent = ledger.total - ledger.reserved;
  return html`<p class="ledger-sum">
      <strong>${formatCount(sent)}</strong> of ${formatCount(ledger.window)} tokens go to the model
      with your next question.
    </p>
    ${bar(segments)}
    <dl class="ledger-rows">
      ${segments
        .filter(({ tokens, kind }) => tokens > 0 || kind === 'messages')
        .map(
          ({ name, kind, tokens }) =>
            html`<div>
              <dt><i class="swatch ${kind}"></i>${name}</dt>
              <dd>${formatCount(tokens)}</dd>
            </div>`,
        )}
    </dl>
    ${
      ledger.left_out_messages > 0
        ? html`<p class="aside">
            ${formatCount(ledger.left_out_messages)} older messages do not fit and are not sent.
            They are kept.
          </p>`
        : nothing
    }`;
}

/** An SVG, because the Content-Security-Policy forbids widths in `style`. */
function bar(segments: readonly LedgerSegment[]) {
  let offset = 0;
  const parts = segments.map(({ kind, fraction }) => {
    const x = offset;
    offset += fraction;
    return svg`<rect class=${kind} x="${x * 100}%" width="${fraction * 100}%" height="100%"></rect>`;
  });
  return html`<svg class="ledger-bar" aria-hidden="true">${parts}</svg>`;
}
