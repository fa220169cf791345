import { html, nothing, svg } from 'lit';

import type { Ledger } from '../api/types';
import { type LedgerSegment, segmentsOf } from '../state/context/ledger';
import { formatCount, formatNumber } from '../state/numbers';

/** The use of the model's window, as a bar and in numbers. */
export function ledgerView(ledger: Ledger) {
  const segments = segmentsOf(ledger);
  const leftOut = ledger.left_out_messages;
  const sent = ledger.total - ledger.reserved;
  return html`<p class="ledger-sum">
      <strong>${formatNumber(sent)}</strong> of ${formatCount(ledger.window, 'token')} will be sent
      to the model with your next question.
    </p>
    ${bar(segments)}
    <dl class="ledger-rows">
      ${segments
        .filter(({ tokens, kind }) => tokens > 0 || kind === 'messages')
        .map(
          ({ name, kind, tokens }) =>
            html`<div>
              <dt><i class="swatch ${kind}"></i>${name}</dt>
              <dd>${formatNumber(tokens)}</dd>
            </div>`,
        )}
    </dl>
    ${
      leftOut > 0
        ? html`<p class="aside">
            ${formatCount(leftOut, 'older message')} ${leftOut === 1 ? 'does' : 'do'} not fit and
            will not be sent. You can still read ${leftOut === 1 ? 'it' : 'them'}.
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
