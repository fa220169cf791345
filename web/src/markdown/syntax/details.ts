import type { MarkdownIt, StateBlock } from 'markdown-it';

import { pushInline } from './elements';
import { isGrowing } from './growing';
import { indentOf, lineOf } from './lines';

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
  if (indentOf(state, start) >= 4) return false;
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
  const map: [number, number] = [start, state.line];
  token.map = map;
  if (isOpen) token.attrSet('open', '');
  if (title !== undefined) pushInline(state, 'summary', 'summary', title.trim(), map);
  state.md.block.parse(text.slice(summary?.length ?? 0), state.md, state.env, state.tokens);
  state.push('details_close', 'details', -1);
}

/** Finds the line that closes the section. Returns `end` if it is unclosed but may still be closed. */
function findClosingLine(state: StateBlock, start: number, end: number): number | null {
  const limit = Math.min(end, start + MAX_LINES);
  let depth = 0;
  let isCode = false;
  for (let index = start; index < limit; index += 1) {
    if (!state.isEmpty(index) && indentOf(state, index) < 0) return null;
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
