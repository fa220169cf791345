import MarkdownIt, { type Env, type Token } from 'markdown-it';

import { math } from './math';

const markdown = new MarkdownIt({ html: false, linkify: true, breaks: false }).use(math);

// An image would send a request to another server without the user's consent: render a link instead.
markdown.renderer.rules['image'] = (tokens, index, options, env, self) => {
  const token = tokens[index];
  const source = String(token?.attrGet('src') ?? '');
  const text = self.renderInlineAsText(token?.children ?? [], options, env) || source;
  const escape = markdown.utils.escapeHtml;
  return `<a href="${escape(source)}">${escape(text)}</a>`;
};

// markdown-it aligns cells by `style`, which the Content-Security-Policy forbids: use an attribute.
for (const name of ['th_open', 'td_open']) {
  markdown.renderer.rules[name] = (tokens, index, options, _env, self) => {
    const token = tokens[index];
    const align = String(token?.attrGet('style') ?? '').replace('text-align:', '');
    if (token && align) token.attrs = [['align', align]];
    return self.renderToken(tokens, index, options);
  };
}

/** A block of an answer: code, or HTML to be sanitised. */
export type Block =
  { kind: 'html'; html: string } | { kind: 'code'; language: string; code: string };

export interface RenderedText {
  blocks: Block[];
  /** The offset of the last block. All blocks before it are finished. */
  lastBlockStart: number;
}

/** The link reference definitions of a text (`[name]: address`). */
export type References = Env;

/** Renders a text, or the tail of a text from the start of a block. */
export function renderBlocks(text: string, references: References = {}): RenderedText {
  const tokens = markdown.parse(text, references);
  const lines = lineStarts(text);
  const groups = groupByBlock(tokens);
  const lastLine = groups.at(-1)?.[0]?.map?.[0] ?? 0;
  return {
    blocks: groups.map((group) => block(group, references)),
    lastBlockStart: lines[lastLine] ?? 0,
  };
}

/** Groups the tokens by top-level block. */
function groupByBlock(tokens: Token[]): Token[][] {
  const groups: Token[][] = [];
  let depth = 0;
  for (const token of tokens) {
    if (depth === 0) groups.push([]);
    groups.at(-1)?.push(token);
    depth += token.nesting;
  }
  return groups;
}

function block(tokens: Token[], references: References): Block {
  const [first] = tokens;
  if (first && (first.type === 'fence' || first.type === 'code_block')) {
    const language = first.info.trim().split(/\s+/)[0] ?? '';
    return { kind: 'code', language, code: first.content };
  }
  return { kind: 'html', html: markdown.renderer.render(tokens, markdown.options, references) };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
