import type { MarkdownIt, StateInline } from 'markdown-it';

import { displayMath, paragraphWithFormula } from './display-math';
import { renderText } from './elements';
import { protectBars, restoreBars } from './table-bars';

/** The element of an inline formula. Its text is the TeX source, until it is typeset. */
export const MATH_TAG = 'webchat-math';
/** The element of a displayed formula. */
export const DISPLAY_MATH_TAG = 'webchat-display-math';

/** The maximum length of an inline formula. It bounds the search for the closing delimiter. */
const MAX_INLINE_CHARACTERS = 2000;

/** A plugin for `$…$`, `\(…\)`, `$$…$$`, `\[…\]` and `\begin{equation}…\end{equation}`. */
export function math(markdown: MarkdownIt): void {
  markdown.inline.ruler.before('escape', 'math', inlineMath);
  markdown.block.ruler.before('fence', 'math', displayMath, {
    alt: ['paragraph', 'reference', 'blockquote', 'list'],
  });
  markdown.block.ruler.before('lheading', 'math_paragraph', paragraphWithFormula);
  markdown.core.ruler.after('normalize', 'math_bars', (state) => {
    state.src = protectBars(state.src, isAmount);
  });
  markdown.core.ruler.after('block', 'math_bars_end', ({ tokens }) => {
    for (const token of tokens) token.content = restoreBars(token.content);
  });
  renderText(markdown, 'math', MATH_TAG);
  renderText(markdown, 'display_math', DISPLAY_MATH_TAG);
  // The element shows its text as it is, like a formula that is not typeset.
  renderText(markdown, 'unclosed_math', 'p');
}

const INLINE_FORMULAS: readonly [RegExp, string][] = [
  [/^\$\$([^$]+)\$\$/, 'display_math'],
  // As in pandoc: no space inside and no digit after. A letter may follow only as in “the $n$th”.
  [/^\$(?![\s$])((?:[^$\\\n]|\\[^\n])+?)(?<!\s)\$(?=(?:th|st|nd|rd|s)\b|[^A-Za-z0-9_]|$)/, 'math'],
  [/^\\\((.+?)\\\)/s, 'math'],
  [/^\\\[(.+?)\\\]/s, 'display_math'],
];

function inlineMath(state: StateInline, silent: boolean): boolean {
  const first = state.src.charAt(state.pos);
  if (first !== '$' && first !== '\\') return false;
  // “US$5” and “5$” are prices.
  if (first === '$' && /[A-Za-z0-9]/.test(state.src.charAt(state.pos - 1))) return false;
  const end = Math.min(state.posMax, state.pos + MAX_INLINE_CHARACTERS);
  const text = state.src.slice(state.pos, end);
  for (const [pattern, type] of INLINE_FORMULAS) {
    const [all, tex] = pattern.exec(text) ?? [];
    if (all === undefined || tex === undefined || (first === '$' && isAmount(tex))) continue;
    if (!silent) state.push(type, '', 0).content = tex.trim();
    state.pos += all.length;
    return true;
  }
  return false;
}

/** Whether the text between two dollars is an amount and words, as in “$5, or 6 US$”. */
function isAmount(tex: string): boolean {
  if (!/^\d/.test(tex)) return false;
  const plain = tex.replace(/\\[A-Za-z]+\s*(?:\{[^{}]*\})?/g, '');
  return /[\s(][A-Za-z]{2,}|[€£¥]/.test(plain);
}
