import { type Block, type References, renderBlocks } from './render';

/**
 * Renders a growing text. Finished blocks are rendered once; only the tail is rendered repeatedly.
 *
 * A block is finished when another one begins after it on a complete line. Until then, the next characters
 * may still change it. A link whose definition comes later stays plain text here, so the caller renders the
 * complete text once more at the end.
 */
export class MarkdownStream {
  #text = '';
  #finished: Block[] = [];
  /** The offset where the finished blocks end. */
  #finishedEnd = 0;
  #references: References = {};

  render(text: string): Block[] {
    if (!text.startsWith(this.#text)) this.#restart();
    this.#text = text;
    this.#finishBlocks();
    const tail = renderBlocks(text.slice(this.#finishedEnd), copy(this.#references));
    return [...this.#finished, ...tail.blocks];
  }

  #finishBlocks(): void {
    const completeEnd = this.#text.lastIndexOf('\n') + 1;
    if (completeEnd <= this.#finishedEnd) return;
    const open = this.#text.slice(this.#finishedEnd, completeEnd);
    const { blocks, lastBlockStart } = renderBlocks(open, copy(this.#references));
    if (lastBlockStart === 0) return;
    this.#finished.push(...blocks.slice(0, -1));
    // Renders only to collect the link definitions. The blocks may differ without the text that follows.
    renderBlocks(open.slice(0, lastBlockStart), this.#references);
    this.#finishedEnd += lastBlockStart;
  }

  #restart(): void {
    this.#finished = [];
    this.#finishedEnd = 0;
    this.#references = {};
  }
}

/** Copies the definitions. Those in unfinished text may still change, so they must not be kept. */
function copy({ references }: References): References {
  return { references: { ...references } };
}
