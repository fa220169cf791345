import type { MarkdownIt, StateBlock, Token } from 'markdown-it';

import { isGrowing } from './growing';

/** The maximum number of lines of a section, and the maximum depth of nested sections: they bound the parser's work. */
const MAX_LINES = 500;
const MAX_DEPTH = 4;

const OPENING = /^<details(?:\s[^<>]*)?>/i;
const SUMMARY = /^\s*<summary(?:\s[^<>]*)?>([\s\S]*?)<\/summary>/i;
const FENCE = /^\s*(?:`{3,}|~{3,})/;

/** A plugin for `<details>` with Markdown inside: a section that the reader can expand. */
export function details(markdown: MarkdownIt): void {
  markdown.block.ruler.before('fence', 'details', parseDetails, {
    alt: ['paragraph', 'reference', 'blockquote', 'list'],
  });
}

/**
 * Parses a section from a line that begins with `<details>` to the line with its closing tag. While the text grows,
 * an unclosed section extends to the end and is expanded. In a complete text, an unclosed tag is shown as text, so that
 * it does not hide the text that follows.
 */
function parseDetails(state: StateBlock, start: number, end: number, silent: boolean): boolean {
  if ((state.sCount[start] ?? 0) - state.blkIndent >= 4) return false;
  const first = lineOf(state, start);
  if (!OPENING.test(first)) return false;
  if (silent) return true;
  const depth = Number(state.env['detailsDepth'] ?? 0);
  if (depth >= MAX_DEPTH) return false;
  const last = findClosingLine(state, start, end);
  if (last === null) return false;
  const isOpen = last >= end;
  state.line = isOpen ? end : last + 1;
  const source = state.getLines(start, state.line, state.blkIndent, false);
  state.env['detailsDepth'] = depth + 1;
  pushSection(state, start, isOpen ? source : withoutClosingTag(source), isOpen);
  state.env['detailsDepth'] = depth;
  return true;
}

function pushSection(state: StateBlock, start: number, source: string, isOpen: boolean): void {
  const text = source.trimStart().replace(OPENING, '');
  const [summary, title] = SUMMARY.exec(text) ?? [];
  const token = state.push('details_open', 'details', 1);
  token.map = [start, state.line];
  if (isOpen) token.attrSet('open', '');
  if (title !== undefined) {
    state.push('summary_open', 'summary', 1);
    const inline = state.push('inline', '', 0);
    inline.content = title.trim();
    inline.map = token.map;
    inline.children = [];
    state.push('summary_close', 'summary', -1);
  }
  const content: Token[] = [];
  state.md.block.parse(text.slice(summary?.length ?? 0), state.md, state.env, content);
  state.tokens.push(...content);
  state.push('details_close', 'details', -1);
}

/** Finds the line that closes the section. Returns `end` if it is unclosed but may still be closed. */
function findClosingLine(state: StateBlock, start: number, end: number): number | null {
  const limit = Math.min(end, start + MAX_LINES);
  let depth = 0;
  let isCode = false;
  for (let index = start; index < limit; index += 1) {
    if (!state.isEmpty(index) && (state.sCount[index] ?? 0) < state.blkIndent) return null;
    const line = lineOf(state, index);
    if (FENCE.test(line)) isCode = !isCode;
    if (isCode) continue;
    depth += count(line, /<details[\s>]/gi) - count(line, /<\/details>/gi);
    if (depth <= 0) return /<\/details>\s*$/i.test(line) ? index : null;
  }
  return limit === end && isGrowing(state.env) ? end : null;
}

function withoutClosingTag(source: string): string {
  return source.slice(0, source.toLowerCase().lastIndexOf('</details>'));
}

function count(line: string, pattern: RegExp): number {
  return line.match(pattern)?.length ?? 0;
}

function lineOf(state: StateBlock, line: number): string {
  const from = (state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0);
  return state.src.slice(from, state.eMarks[line] ?? from);
}
