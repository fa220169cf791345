import type { MarkdownIt, StateBlock } from 'markdown-it';

/** Adds an element whose text is parsed as inline Markdown. */
export function pushInline(
  state: StateBlock,
  type: string,
  tag: string,
  text: string,
  map: [number, number],
): void {
  state.push(`${type}_open`, tag, 1).map = map;
  const inline = state.push('inline', '', 0);
  inline.content = text;
  inline.map = map;
  inline.children = [];
  state.push(`${type}_close`, tag, -1);
}

/** Renders the tokens of this type as elements that contain the text of the token. */
export function renderText(markdown: MarkdownIt, type: string, tag: string): void {
  const { escapeHtml } = markdown.utils;
  markdown.renderer.rules[type] = (tokens, index) =>
    `<${tag}>${escapeHtml(tokens[index]?.content ?? '')}</${tag}>`;
}
