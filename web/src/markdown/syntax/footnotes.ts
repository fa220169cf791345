import type { Env, MarkdownIt, StateBlock, StateInline } from 'markdown-it';

import { renderText } from './elements';
import { indentOf, isInterrupted } from './lines';

/** The element of a reference to a footnote. Its text is the label. */
export const FOOTNOTE_REFERENCE_TAG = 'webchat-footnote-reference';
/** The element of a footnote. Its `title` is the label. */
export const FOOTNOTE_TAG = 'webchat-footnote';

const DEFINITION = /^\[\^([^\s\]]{1,60})\]:[ \t]*/;
const REFERENCE = /^\[\^([^\s\]]{1,60})\]/;

/**
 * A plugin for footnotes: `[^1]` and `[^1]: text`. A footnote stays where it is written, because a growing text must
 * be divided into the same blocks as the complete one. A reference whose footnote is unknown is shown as text, like a
 * link without definition.
 */
export function footnotes(markdown: MarkdownIt): void {
  markdown.block.ruler.before('reference', 'footnote', footnote, {
    alt: ['paragraph', 'reference', 'blockquote', 'list'],
  });
  markdown.inline.ruler.before('link', 'footnote_reference', footnoteReference);
  renderText(markdown, 'footnote_reference', FOOTNOTE_REFERENCE_TAG);
}

/** The labels of the footnotes in a text. */
export function footnoteLabels(env: Env): ReadonlySet<string> {
  const labels = env['footnotes'];
  return labels instanceof Set ? labels : new Set();
}

function footnote(state: StateBlock, start: number, end: number, silent: boolean): boolean {
  if (indentOf(state, start) >= 4) return false;
  const source = state.getLines(start, start + 1, state.blkIndent, false).trimStart();
  const [marker, label] = DEFINITION.exec(source) ?? [];
  if (marker === undefined || label === undefined) return false;
  if (silent) return true;
  state.line = endOfFootnote(state, start, end);
  const lines = state.getLines(start, state.line, state.blkIndent, false).trimStart();
  const token = state.push('footnote_open', FOOTNOTE_TAG, 1);
  token.attrSet('title', label);
  token.map = [start, state.line];
  const text = lines.slice(marker.length).replace(/^(?: {1,4}|\t)/gm, '');
  state.md.block.parse(text, state.md, state.env, state.tokens);
  state.push('footnote_close', FOOTNOTE_TAG, -1);
  state.env['footnotes'] = new Set([...footnoteLabels(state.env), label]);
  return true;
}

/** A footnote continues until a blank line that no indented line follows, or until another block interrupts it. */
function endOfFootnote(state: StateBlock, start: number, end: number): number {
  let last = start;
  for (let line = start + 1; line < end; line += 1) {
    if (state.isEmpty(line)) continue;
    const indent = indentOf(state, line);
    const isContinued = indent >= 4 || (indent >= 0 && line === last + 1);
    if (!isContinued) break;
    if (isInterrupted(state, line, end)) break;
    last = line;
  }
  return last + 1;
}

function footnoteReference(state: StateInline, silent: boolean): boolean {
  if (!state.src.startsWith('[^', state.pos)) return false;
  const text = state.src.slice(state.pos, Math.min(state.posMax, state.pos + 70));
  const [reference, label] = REFERENCE.exec(text) ?? [];
  if (reference === undefined || label === undefined) return false;
  if (!footnoteLabels(state.env).has(label)) return false;
  if (!silent) state.push('footnote_reference', '', 0).content = label;
  state.pos += reference.length;
  return true;
}
