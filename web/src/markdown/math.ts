import type { MarkdownIt, StateBlock, StateInline } from 'markdown-it';

/** The element of an inline formula. Its text is the TeX source, until it is typeset. */
export const MATH_TAG = 'webchat-math';
/** The element of a displayed formula. */
export const DISPLAY_MATH_TAG = 'webchat-display-math';

/** The maximum length of an inline formula. It bounds the search for the closing delimiter. */
const MAX_INLINE_CHARACTERS = 2000;
/** The maximum number of lines of a displayed formula. */
const MAX_LINES = 100;

/** A plugin for `$…$` and `\(…\)`, and for `$$…$$` and `\[…\]` on separate lines. */
export function math(markdown: MarkdownIt): void {
  markdown.inline.ruler.before('escape', 'math', inlineMath);
  markdown.block.ruler.before('fence', 'math', displayMath);
  const { escapeHtml } = markdown.utils;
  markdown.renderer.rules['math'] = (tokens, index) => {
    const token = tokens[index];
    return token ? `<${token.tag}>${escapeHtml(token.content)}</${token.tag}>` : '';
  };
}

const INLINE_FORMULAS: readonly [RegExp, string][] = [
  [/^\$\$([^$]+)\$\$/, DISPLAY_MATH_TAG],
  // As in pandoc: no space inside and no digit after, so that "$5 and $10" are prices.
  [/^\$(?!\s)((?:[^$\\\n]|\\[^\n])+?)(?<!\s)\$(?!\d)/, MATH_TAG],
  [/^\\\((.+?)\\\)/s, MATH_TAG],
  [/^\\\[(.+?)\\\]/s, DISPLAY_MATH_TAG],
];

function inlineMath(state: StateInline, silent: boolean): boolean {
  if (!/[$\\]/.test(state.src.charAt(state.pos))) return false;
  const end = Math.min(state.posMax, state.pos + MAX_INLINE_CHARACTERS);
  const text = state.src.slice(state.pos, end);
  for (const [pattern, tag] of INLINE_FORMULAS) {
    const [all, tex] = pattern.exec(text) ?? [];
    if (all === undefined || tex === undefined) continue;
    if (!silent) state.push('math', tag, 0).content = tex.trim();
    state.pos += all.length;
    return true;
  }
  return false;
}

const CLOSING_DELIMITERS: Record<string, string> = { $$: '$$', '\\[': '\\]' };

/**
 * Parses a displayed formula, from a line that begins with the opening delimiter to one that ends with the
 * closing one. A growing text must be divided into the same blocks as the complete text. Therefore, a formula
 * does not interrupt a paragraph, and an unclosed formula at the end of the text counts as a block.
 */
function displayMath(state: StateBlock, start: number, end: number, silent: boolean): boolean {
  if ((state.sCount[start] ?? 0) - state.blkIndent >= 4) return false;
  const closing = CLOSING_DELIMITERS[lineOf(state, start).slice(0, 2)];
  if (closing === undefined) return false;
  const last = findClosingLine(state, start, end, closing);
  if (last === null) return false;
  if (silent) return true;
  const isOpen = last >= end;
  const lines = state.getLines(start, isOpen ? end : last + 1, state.blkIndent, false).trim();
  const token = state.push('math', isOpen ? 'p' : DISPLAY_MATH_TAG, 0);
  token.content = isOpen ? lines : lines.slice(2, -2).trim();
  token.map = [start, isOpen ? end : last + 1];
  token.block = true;
  state.line = token.map[1];
  return true;
}

/** Finds the line that closes the formula. Returns `end` if it is unclosed, `null` if it is not a formula. */
function findClosingLine(
  state: StateBlock,
  start: number,
  end: number,
  closing: string,
): number | null {
  for (let index = start; index < end; index += 1) {
    if (index - start > MAX_LINES || isOutside(state, index)) return null;
    const line = lineOf(state, index).slice(index === start ? 2 : 0);
    const closingAt = line.indexOf(closing);
    if (closingAt >= 0) return line.slice(closingAt + 2).trim() === '' ? index : null;
  }
  return end;
}

/** Whether the line ends an unclosed formula: it is blank, or outside the list or quotation. */
function isOutside(state: StateBlock, line: number): boolean {
  return state.isEmpty(line) || (state.sCount[line] ?? 0) < state.blkIndent;
}

function lineOf(state: StateBlock, line: number): string {
  const from = (state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0);
  return state.src.slice(from, state.eMarks[line] ?? from);
}
