import { html, nothing, svg } from 'lit';

import type { Ledger } from '../api/types';
import { freeTokens, usedTokens, type UseKind, windowUses } from '../state/context/ledger';
import { formatNumber } from '../state/numbers';
import { contextWords as words } from '../words/settings';

const PARTS: Partial<Record<UseKind, () => string>> = {
  system: words.instructions,
  examples: words.examples,
  summary: words.summary,
  messages: words.messages,
};

/** How the model’s window is used: a bar, its three numbers, and what the used tokens are for. */
export function contextMeter(ledger: Ledger) {
  const uses = windowUses(ledger);
  const parts = uses.filter(({ kind, tokens }) => PARTS[kind] !== undefined && tokens > 0);
  return html`<p class="usage">${words.usage(usedTokens(ledger), ledger.window)}</p>
    ${bar(uses)}
    <dl class="ledger">
      ${row(words.used(), usedTokens(ledger), 'used')}
      ${parts.map(({ kind, tokens }) => row(PARTS[kind]?.() ?? '', tokens, `part ${kind}`))}
      ${row(words.reserved(), ledger.reserved, 'reserved')}
      ${row(words.free(), freeTokens(ledger), 'free')}
    </dl>
    ${
      ledger.left_out_messages > 0
        ? html`<p class="aside">${words.leftOut(ledger.left_out_messages)}</p>`
        : nothing
    }`;
}

function row(name: string, tokens: number, kind: string) {
  return html`<div class=${kind}>
    <dt><i class="swatch"></i>${name}</dt>
    <dd>${formatNumber(tokens)}</dd>
  </div>`;
}

/** An SVG, because the Content-Security-Policy forbids widths in `style`. */
function bar(uses: ReturnType<typeof windowUses>) {
  let offset = 0;
  const rects = uses.map(({ kind, fraction }) => {
    const x = offset;
    offset += fraction;
    return svg`<rect class=${kind} x="${x * 100}%" width="${fraction * 100}%" height="100%"></rect>`;
  });
  return html`<svg class="context-bar" aria-hidden="true">${rects}</svg>`;
}
