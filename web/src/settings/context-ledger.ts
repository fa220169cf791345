import { html, nothing, svg } from 'lit';

import type { Ledger } from '../api/types';
import { count, type Share, sharesOf } from '../state/context/ledger';

/** The window as a bar, and the same in numbers. */
export function ledgerView(ledger: Ledger) {
  const shares = sharesOf(ledger);
  const sent = ledger.total - ledger.reserved;
  return html`<p class="ledger-sum">
      <strong>${count(sent)}</strong> of ${count(ledger.window)} tokens go to the model with your
      next question.
    </p>
    ${bar(shares)}
    <dl class="ledger-rows">
      ${shares
        .filter(({ tokens, kind }) => tokens > 0 || kind === 'messages')
        .map(
          ({ name, kind, tokens }) =>
            html`<div>
              <dt><i class="swatch ${kind}"></i>${name}</dt>
              <dd>${count(tokens)}</dd>
            </div>`,
        )}
    </dl>
    ${
      ledger.left_out_messages > 0
        ? html`<p class="aside">
            ${count(ledger.left_out_messages)} older messages do not fit and are not sent. They are
            kept.
          </p>`
        : nothing
    }`;
}

/** As a picture: widths by `style` are what the page's policy forbids. The numbers say the same. */
function bar(shares: readonly Share[]) {
  let from = 0;
  const parts = shares.map(({ kind, part }) => {
    const x = from;
    from += part;
    return svg`<rect class=${kind} x="${x * 100}%" width="${part * 100}%" height="100%"></rect>`;
  });
  return html`<svg class="ledger-bar" aria-hidden="true">${parts}</svg>`;
}
