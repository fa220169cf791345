import type { StateBlock } from 'markdown-it';

import { pushInline } from './elements';
import { isGrowing } from './growing';
import { indentOf, isInterrupted, lineOf } from './lines';

/** The maximum number of lines of a displayed formula. */
const MAX_LINES = 100;

const CLOSING_DELIMITERS: Record<string, string> = { $$: '$$', '\\[': '\\]' };
/** The environments of TeX that need no delimiters. */
const ENVIRONMENT = /^\\begin\{((?:equation|align|alignat|gather|CD)\*?)\}/;

/** The line below a text that makes it a heading. */
const HEADING_UNDERLINE = /^(?:=+|-+)[ \t]*$/;

interface Delimiters {
  opening: string;
  closing: string;
  isEnvironment: boolean;
}

/**
 * Parses a displayed formula, from a line that begins with the opening delimiter to one that ends with the
 * closing one. A growing text must be divided into the same blocks as the complete text. Therefore, the opening
 * line alone decides whether it interrupts a paragraph, and an unclosed formula at the end of the text counts as a
 * block.
 */
export function displayMath(
  state: StateBlock,
  start: number,
  end: number,
  silent: boolean,
): boolean {
  if (indentOf(state, start) >= 4) return false;
  const line = lineOf(state, start);
  const delimiters = delimitersOf(line);
  if (delimiters === null) return false;
  const { opening, closing, isEnvironment } = delimiters;
  const rest = line.slice(opening.length);
  if (silent) return endsWith(rest, closing) || !rest.includes(closing);
  const last = findClosingLine(state, start, end, delimiters);
  if (last === null) return false;
  const isOpen = last >= end;
  const lines = state.getLines(start, isOpen ? end : last + 1, state.blkIndent, false).trim();
  const token = state.push(isOpen ? 'unclosed_math' : 'display_math', '', 0);
  token.content = isOpen || isEnvironment ? lines : lines.slice(2, -2).trim();
  token.map = [start, isOpen ? end : last + 1];
  token.block = true;
  state.line = token.map[1];
  return true;
}

/**
 * Parses a paragraph with a displayed formula that begins or ends within a line. Without this rule, a line of the
 * formula that begins with `+`, `-` or `=` would start a list or end a heading.
 */
export function paragraphWithFormula(
  state: StateBlock,
  start: number,
  end: number,
  silent: boolean,
): boolean {
  if (silent) return false;
  const { parentType } = state;
  state.parentType = 'paragraph';
  let hasFormula = false;
  let isHeading = false;
  let next = start;
  do {
    const last = lastLineOfFormula(state, next, end);
    hasFormula ||= last > next;
    next = last + 1;
    isHeading = !hasFormula && next < end && HEADING_UNDERLINE.test(lineOf(state, next));
  } while (!isHeading && next < end && !state.isEmpty(next) && !isInterrupted(state, next, end));
  state.parentType = parentType;
  if (!hasFormula || isHeading) return false;
  state.line = next;
  const text = state.getLines(start, next, state.blkIndent, false).trim();
  pushInline(state, 'paragraph', 'p', text, [start, next]);
  return true;
}

function delimitersOf(line: string): Delimiters | null {
  const opening = line.slice(0, 2);
  const closing = CLOSING_DELIMITERS[opening];
  if (closing !== undefined) return { opening, closing, isEnvironment: false };
  const [begin, name] = ENVIRONMENT.exec(line) ?? [];
  if (begin === undefined) return null;
  return { opening: begin, closing: `\\end{${name}}`, isEnvironment: true };
}

/** Finds the line that closes the formula. Returns `end` if it is unclosed, `null` if it is not a formula. */
function findClosingLine(
  state: StateBlock,
  start: number,
  end: number,
  { opening, closing }: Delimiters,
): number | null {
  for (let index = start; index < end; index += 1) {
    if (index - start > MAX_LINES || isOutside(state, index)) return null;
    const line = lineOf(state, index).slice(index === start ? opening.length : 0);
    if (line.includes(closing)) return endsWith(line, closing) ? index : null;
  }
  return end;
}

/** The last line of the formula that this line opens, or the line itself if it opens none. */
function lastLineOfFormula(state: StateBlock, line: number, end: number): number {
  const closing = unclosedDelimiter(lineOf(state, line));
  if (closing === null) return line;
  const limit = Math.min(end, line + MAX_LINES);
  for (let index = line + 1; index < limit; index += 1) {
    if (isOutside(state, index)) return line;
    if (lineOf(state, index).includes(closing)) return index;
  }
  return limit === end && isGrowing(state.env) ? end - 1 : line;
}

/** The closing delimiter of a formula that begins in this line and does not end in it. */
function unclosedDelimiter(line: string): string | null {
  const text = line.replace(/`[^`]*`/g, '').replace(/\\\\/g, '');
  if (text.lastIndexOf('\\[') > text.lastIndexOf('\\]')) return '\\]';
  return text.split('$$').length % 2 === 0 ? '$$' : null;
}

/** Whether the first `closing` in the line is at its end. */
function endsWith(line: string, closing: string): boolean {
  const index = line.indexOf(closing);
  return index >= 0 && line.slice(index + closing.length).trim() === '';
}

/** Whether the line ends an unclosed formula: it is blank, or outside the list or quotation. */
function isOutside(state: StateBlock, line: number): boolean {
  return state.isEmpty(line) || indentOf(state, line) < 0;
}
