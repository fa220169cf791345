import type { MarkdownIt, StateCore } from 'markdown-it';

import { renderText } from './elements';

/** The element of a task's checkbox. Its text is “x” if it is checked. */
export const TASK_TAG = 'webchat-task';

const MARKER = /^\[([ xX])\][ \t]+/;

/** A plugin for task lists: `- [ ] to do` and `- [x] done`. */
export function taskLists(markdown: MarkdownIt): void {
  markdown.core.ruler.after('inline', 'task_lists', replaceMarkers);
  renderText(markdown, 'task', TASK_TAG);
}

function replaceMarkers({ tokens, Token }: StateCore): void {
  for (const [index, { type }] of tokens.entries()) {
    if (type !== 'list_item_open' || tokens[index + 1]?.type !== 'paragraph_open') continue;
    const children = tokens[index + 2]?.children;
    const text = children?.[0];
    if (!children || text?.type !== 'text') continue;
    const [marker, state] = MARKER.exec(text.content) ?? [];
    if (marker === undefined) continue;
    text.content = text.content.slice(marker.length);
    const task = new Token('task', '', 0);
    task.content = state === ' ' ? '' : 'x';
    children.unshift(task);
  }
}
