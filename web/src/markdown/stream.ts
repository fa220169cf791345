import { type Block, type References, renderBlocks } from './render';

/**
 * Renders a growing text. Finished blocks are rendered once; only the tail is rendered repeatedly.
 *
 * A block is finished when another one begins after it on a complete line: until then, the next
 * characters may still change it. A link whose definition comes later stays plain text here; the
 * caller renders the complete text once more.
 */
export class MarkdownStream {
  #text = '';
  #finished: Block[] = [];
  /** The offset of the unfinished part of the text. */
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
    // Only collects link definitions: without the text that follows, the blocks may differ.
    renderBlocks(open.slice(0, openFrom), this.#references);
    this.#openFrom += openFrom;
  }

  #restart(): void {
    this.#finished = [];
    this.#openFrom = 0;
    this.#references = {};
  }
}

/** Definitions of unfinished text may still change, and must not be kept. */
function copy({ references }: References): References {
  return { references: { ...references } };
}
