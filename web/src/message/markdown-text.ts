import { LightElement } from '../ui/store-controller';
import { codeBlock } from './code-block';
import { showFormulas } from './formulas';
import { inTurn } from '../markdown/scheduler';
import { type Block, renderBlocks } from '../markdown/render';
import { sanitize } from '../markdown/sanitize';
import { MarkdownStream } from '../markdown/stream';

/** A text in markdown that may still grow. Finished blocks stay as they are in the page. */
export class MarkdownText extends LightElement {
  static override properties = {
    text: {},
    streaming: { type: Boolean },
    waits: { attribute: false },
  };

  declare text: string;
  declare streaming: boolean;
  /** It may come into the page after what is seen first. */
  declare waits: boolean;

  readonly #stream = new MarkdownStream();
  #shown: Block[] = [];

  constructor() {
    super();
    this.text = '';
    this.streaming = false;
    this.waits = false;
  }

  protected override scheduleUpdate(): void | Promise<unknown> {
    if (this.hasUpdated || !this.waits) return super.scheduleUpdate();
    return inTurn(() => void super.scheduleUpdate());
  }

  protected override update(changed: Map<PropertyKey, unknown>): void {
    super.update(changed);
    const blocks = this.streaming ? this.#stream.render(this.text) : renderBlocks(this.text).blocks;
    blocks.forEach((block, at) => this.#show(block, at, blocks.length));
    while (this.childElementCount > blocks.length) this.lastElementChild?.remove();
    this.#shown = blocks;
  }

  #show(block: Block, at: number, count: number): void {
    const shown = this.#shown[at];
    const isOpen = this.streaming && at === count - 1;
    const element = this.children[at];
    if (
      shown &&
      element &&
      isSame(shown, block) &&
      (isOpen || element.classList.contains('done'))
    ) {
      return;
    }
    if (block.kind === 'code') codeBlock(this.#place(at), block, isOpen);
    else {
      const place = this.#place(at);
      place.replaceChildren(sanitize(block.html));
      showFormulas(place);
    }
    this.children[at]?.classList.toggle('done', !isOpen);
  }

  #place(at: number): Element {
    const known = this.children[at];
    if (known) return known;
    const place = document.createElement('div');
    place.className = 'block';
    this.append(place);
    return place;
  }
}

function isSame(one: Block, other: Block): boolean {
  if (one.kind === 'code') {
    return other.kind === 'code' && one.code === other.code && one.language === other.language;
  }
  return other.kind === 'html' && one.html === other.html;
}

customElements.define('markdown-text', MarkdownText);

declare global {
  interface HTMLElementTagNameMap {
    'markdown-text': MarkdownText;
  }
}
