import type { MarkdownIt, StateBlock, StateInline } from 'markdown-it';

/** The element that a formula is rendered as; what shows it finds its TeX as its text. */
export const MATH_TAG = 'tex-math';
/** The same, on lines of its own. */
export const DISPLAY_MATH_TAG = 'tex-display';

/** Longer ones are text: to look for the end of each costs time, and none is so long. */
const LONGEST_INLINE = 2000;
const MOST_LINES = 100;

/** `$…$`, `\(…\)`, and on lines of their own `$$…$$` and `\[…\]`. */
export function math(markdown: MarkdownIt): void {
  markdown.inline.ruler.before('escape', 'math', inlineMath);
  markdown.block.ruler.before('fence', 'math', displayMath);
  const { escapeHtml } = markdown.utils;
  markdown.renderer.rules['math'] = (tokens, index) => {
    const token = tokens[index];
    return token ? `<${token.tag}>${escapeHtml(token.content)}</${token.tag}>` : '';
  };
}

const FORMULAS: readonly [RegExp, string][] = [
  [/^\$\$([^$]+)\$\$/, DISPLAY_MATH_TAG],
  // As pandoc has it: no space inside, and no digit behind, so that "$5 and $10" are prices.
  [/^\$(?!\s)((?:[^$\\\n]|\\[^\n])+?)(?<!\s)\$(?!\d)/, MATH_TAG],
  [/^\\\((.+?)\\\)/s, MATH_TAG],
  [/^\\\[(.+?)\\\]/s, DISPLAY_MATH_TAG],
];

function inlineMath(state: StateInline, silent: boolean): boolean {
  if (!/[$\\]/.test(state.src.charAt(state.pos))) return false;
  const end = Math.min(state.posMax, state.pos + LONGEST_INLINE);
  const text = state.src.slice(state.pos, end);
  for (const [form, tag] of FORMULAS) {
    const [all, tex] = form.exec(text) ?? [];
    if (all === undefined || tex === undefined) continue;
    if (!silent) state.push('math', tag, 0).content = tex.trim();
    state.pos += all.length;
    return true;
  }
  return false;
}

const CLOSING: Record<string, string> = { $$: '$$', '\\[': '\\]' };

/**
 * From a line that begins with the mark to one that ends with it. It does not interrupt a paragraph,
 * and one that is still open at the text's end is a block already: so a text that grows is never
 * divided into other blocks than the whole.
 */
function displayMath(state: StateBlock, begin: number, end: number, silent: boolean): boolean {
  if ((state.sCount[begin] ?? 0) - state.blkIndent >= 4) return false;
  const closing = CLOSING[lineOf(state, begin).slice(0, 2)];
  if (closing === undefined) return false;
  const last = lastLine(state, begin, end, closing);
  if (last === null) return false;
  if (silent) return true;
  const isOpen = last >= end;
  const lines = state.getLines(begin, isOpen ? end : last + 1, state.blkIndent, false).trim();
  const token = state.push('math', isOpen ? 'p' : DISPLAY_MATH_TAG, 0);
  token.content = isOpen ? lines : lines.slice(2, -2).trim();
  token.map = [begin, isOpen ? end : last + 1];
  token.block = true;
  state.line = token.map[1];
  return true;
}

/** The line that closes the formula; `end` while it is open, `null` if it is none. */
function lastLine(state: StateBlock, begin: number, end: number, closing: string): number | null {
  for (let at = begin; at < end; at += 1) {
    if (at - begin > MOST_LINES || isOutside(state, at)) return null;
    const line = lineOf(state, at).slice(at === begin ? 2 : 0);
    const found = line.indexOf(closing);
    if (found >= 0) return line.slice(found + 2).trim() === '' ? at : null;
  }
  return end;
}

/** A blank line, or one that is outside of the list or quotation, ends what is open. */
function isOutside(state: StateBlock, line: number): boolean {
  return state.isEmpty(line) || (state.sCount[line] ?? 0) < state.blkIndent;
}

function lineOf(state: StateBlock, line: number): string {
  const from = (state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0);
  return state.src.slice(from, state.eMarks[line] ?? from);
}
