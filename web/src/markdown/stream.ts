import { type Block, Definitions, renderBlocks, type RenderedText } from './render';

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
  /** The end of the lines that have been searched for finished blocks. */
  #searchedEnd = 0;
  #definitions = new Definitions();

  /** The blocks that will not change any more. */
  get finished(): readonly Block[] {
    return this.#finished;
  }

  /** Renders the text. Returns the blocks after the finished ones. */
  render(text: string): Block[] {
    if (!text.startsWith(this.#text)) this.#restart();
    this.#text = text;
    this.#finishBlocks();
    const tail = withoutUnfinishedMarkup(text).slice(this.#finishedEnd);
    return this.#render(tail, this.#definitions.copy()).blocks;
  }

  #finishBlocks(): void {
    const completeEnd = this.#text.lastIndexOf('\n') + 1;
    if (completeEnd <= this.#searchedEnd) return;
    this.#searchedEnd = completeEnd;
    const open = this.#text.slice(this.#finishedEnd, completeEnd);
    const { blocks, lastBlockStart } = this.#render(open, this.#definitions.copy());
    if (lastBlockStart === 0) return;
    for (const block of blocks.slice(0, -1)) this.#finished.push(block);
    // Renders only to collect the definitions. The blocks may differ without the text that follows.
    this.#render(open.slice(0, lastBlockStart), this.#definitions);
    this.#finishedEnd += lastBlockStart;
  }

  #render(text: string, definitions: Definitions): RenderedText {
    return renderBlocks(text, { isGrowing: true }, definitions);
  }

  #restart(): void {
    this.#finished = [];
    this.#finishedEnd = 0;
    this.#searchedEnd = 0;
    this.#definitions = new Definitions();
  }
}

/** An incomplete last line of markup characters only, or that ends within an HTML tag. */
const UNFINISHED_LINE = /(?:^|\n)[ \t>]*(?:[-=*_+#~`|:$ \t]+|\d{1,9}[.)]|[*+-][ \t]+\[[ xX]?\]?)$/;
const UNFINISHED_TAG = /<\/?[a-z]{0,10}\s*\/?$/i;

/**
 * The text without an unfinished end that looks different from what it will become: `-` below a line would turn this
 * line into a heading for a moment, although a list begins.
 */
export function withoutUnfinishedMarkup(text: string): string {
  const lastLine = text.lastIndexOf('\n') + 1;
  // Longer lines of markup are meant as they are.
  const tail = text.slice(Math.max(0, lastLine - 1, text.length - 200));
  const match = UNFINISHED_LINE.exec(tail) ?? UNFINISHED_TAG.exec(tail);
  if (!match) return text;
  const at = text.length - tail.length + match.index;
  return text.slice(0, text.charAt(at) === '\n' ? at + 1 : at);
}
