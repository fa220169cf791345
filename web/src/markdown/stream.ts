import { type Block, type References, renderBlocks } from './render';

/**
 * Renders a text that grows: what is finished is rendered once, and only the tail again and again.
 *
 * A block is finished when another one has begun behind it on a complete line: until then the next
 * characters may still change what it is. A link that is defined behind its use stays plain text
 * here; whoever has the whole text renders it once more.
 */
export class MarkdownStream {
  #text = '';
  #finished: Block[] = [];
  /** Where the text begins that is not finished. */
  #openFrom = 0;
  #references: References = {};

  render(text: string): Block[] {
    if (!text.startsWith(this.#text)) this.#restart();
    this.#text = text;
    this.#finishBlocks();
    const tail = renderBlocks(text.slice(this.#openFrom), copy(this.#references));
    return [...this.#finished, ...tail.blocks];
  }

  #finishBlocks(): void {
    const complete = this.#text.lastIndexOf('\n') + 1;
    if (complete <= this.#openFrom) return;
    const open = this.#text.slice(this.#openFrom, complete);
    const { blocks, openFrom } = renderBlocks(open, copy(this.#references));
    if (openFrom === 0) return;
    this.#finished.push(...blocks.slice(0, -1));
    // Only for the links that it defines: without what follows, its blocks may be others.
    renderBlocks(open.slice(0, openFrom), this.#references);
    this.#openFrom += openFrom;
  }

  #restart(): void {
    this.#finished = [];
    this.#openFrom = 0;
    this.#references = {};
  }
}

/** What an unfinished text defines may still change, and must not stay. */
function copy({ references }: References): References {
  return { references: { ...references } };
}
