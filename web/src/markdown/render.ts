import createParser, { type Env, type MarkdownIt, type Token } from 'markdown-it';
import cjkFriendly from 'markdown-it-cjk-friendly';

import { details } from './syntax/details';
import { footnoteLabels, footnotes } from './syntax/footnotes';
import { htmlTags } from './syntax/html-tags';
import { math } from './syntax/math';
import { taskLists } from './syntax/task-lists';

/** The attribute of a nested code block with its language. */
export const LANGUAGE_ATTRIBUTE = 'data-language';

const answerMarkdown = createMarkdown(false).use(htmlTags).use(details).use(footnotes);
// The user's line breaks are kept, and a line of dashes below a text is no heading: it is often pasted.
const questionMarkdown = createMarkdown(true).disable('lheading');

/** A block of an answer: code, or HTML to be sanitised. */
export type Block =
  { kind: 'html'; html: string } | { kind: 'code'; language: string; code: string };

export interface RenderedText {
  blocks: Block[];
  /** The offset of the last block. All blocks before it are finished. */
  lastBlockStart: number;
}

/** The definitions of links and footnotes in a text (`[name]: address`, `[^name]: text`). */
export class Definitions {
  readonly #env: Env;

  constructor(env: Env = {}) {
    this.#env = env;
  }

  /** Copies the definitions. Those in unfinished text may still change, so they must not be kept. */
  copy(): Definitions {
    return new Definitions({
      references: { ...this.#env.references },
      footnotes: footnoteLabels(this.#env),
    });
  }

  /** The state of the parser, which adds the definitions that it finds. */
  env(isGrowing: boolean): Env {
    return Object.assign(this.#env, { isGrowing });
  }
}

export interface RenderOptions {
  /** Whether more text may follow. */
  isGrowing?: boolean;
  /** Whether the text is the user's. */
  isQuestion?: boolean;
}

/** Renders a text, or the tail of a text from the start of a block. */
export function renderBlocks(
  text: string,
  { isGrowing = false, isQuestion = false }: RenderOptions = {},
  definitions = new Definitions(),
): RenderedText {
  const markdown = isQuestion ? questionMarkdown : answerMarkdown;
  const env = definitions.env(isGrowing);
  const tokens = markdown.parse(text, env);
  const groups = groupByBlock(tokens);
  const lastLine = groups.at(-1)?.[0]?.map?.[0] ?? 0;
  return {
    blocks: groups.map((group) => block(markdown, group, env)),
    lastBlockStart: lineStart(text, lastLine),
  };
}

function createMarkdown(breaks: boolean): MarkdownIt {
  const markdown = createParser({ html: false, linkify: true, breaks });
  // Only complete addresses become links, not file names such as `main.py`.
  markdown.linkify.set({ fuzzyLink: false });
  markdown.use(cjkFriendly).use(math).use(taskLists);
  renderCodeWithLanguage(markdown);
  renderImagesAsLinks(markdown);
  renderAlignmentAsAttribute(markdown);
  return markdown;
}

function renderCodeWithLanguage(markdown: MarkdownIt): void {
  const escape = markdown.utils.escapeHtml;
  for (const name of ['fence', 'code_block']) {
    markdown.renderer.rules[name] = (tokens, index) => {
      const token = tokens[index];
      if (!token) return '';
      const language = escape(languageOf(token));
      const code = escape(token.content);
      return `<pre ${LANGUAGE_ATTRIBUTE}="${language}"><code>${code}</code></pre>`;
    };
  }
}

/** An image would send a request to another server without the user's consent: render a link instead. */
function renderImagesAsLinks(markdown: MarkdownIt): void {
  markdown.renderer.rules['image'] = (tokens, index, options, env, self) => {
    const token = tokens[index];
    const source = String(token?.attrGet('src') ?? '');
    const text = self.renderInlineAsText(token?.children ?? [], options, env) || source;
    const escape = markdown.utils.escapeHtml;
    return `<a href="${escape(source)}">${escape(text)}</a>`;
  };
}

/** markdown-it aligns cells by `style`, which the Content-Security-Policy forbids. */
function renderAlignmentAsAttribute(markdown: MarkdownIt): void {
  for (const name of ['th_open', 'td_open']) {
    markdown.renderer.rules[name] = (tokens, index, options, _env, self) => {
      const token = tokens[index];
      const align = String(token?.attrGet('style') ?? '').replace('text-align:', '');
      if (token && align) token.attrs = [['align', align]];
      return self.renderToken(tokens, index, options);
    };
  }
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

function block(markdown: MarkdownIt, tokens: Token[], env: Env): Block {
  const [first] = tokens;
  if (first && (first.type === 'fence' || first.type === 'code_block')) {
    return { kind: 'code', language: languageOf(first), code: first.content };
  }
  return { kind: 'html', html: markdown.renderer.render(tokens, markdown.options, env) };
}

function languageOf({ info }: Token): string {
  return info.trim().split(/\s+/)[0] ?? '';
}

/** The offset of a line. */
function lineStart(text: string, line: number): number {
  let offset = 0;
  for (let count = 0; count < line; count += 1) offset = text.indexOf('\n', offset) + 1;
  return offset;
}
