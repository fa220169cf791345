import { type Block, renderBlocks } from '../markdown/render';
import { sanitize } from '../markdown/sanitize';
import { enqueue } from '../markdown/scheduler';
import { MarkdownStream } from '../markdown/stream';
import { LightElement } from '../ui/light-element';
import { renderCodeBlock } from './code-block';
import { renderFormulas } from './formulas';

/** Renders Markdown that may still grow. Finished blocks are not rendered again. */
export class MarkdownElement extends LightElement {
  static override properties = {
    text: {},
    streaming: { type: Boolean },
    deferred: { attribute: false },
  };

  declare text: string;
  declare streaming: boolean;
  /** The text may be rendered after the visible messages. */
  declare deferred: boolean;

  readonly #stream = new MarkdownStream();
  #blocks: Block[] = [];

  constructor() {
    super();
    this.text = '';
    this.streaming = false;
    this.deferred = false;
  }

  protected override scheduleUpdate(): void | Promise<unknown> {
    if (this.hasUpdated || !this.deferred) return super.scheduleUpdate();
    return enqueue(() => void super.scheduleUpdate());
  }

  protected override update(changed: Map<PropertyKey, unknown>): void {
    super.update(changed);
    const blocks = this.streaming ? this.#stream.render(this.text) : renderBlocks(this.text).blocks;
    blocks.forEach((block, at) => this.#show(block, at, blocks.length));
    while (this.childElementCount > blocks.length) this.lastElementChild?.remove();
    this.#blocks = blocks;
  }

  #show(block: Block, at: number, count: number): void {
    const previous = this.#blocks[at];
    const isOpen = this.streaming && at === count - 1;
    const element = this.children[at];
    if (
      previous &&
      element &&
      isSameBlock(previous, block) &&
      (isOpen || element.classList.contains('done'))
    ) {
      return;
    }
    if (block.kind === 'code') renderCodeBlock(this.#container(at), block, isOpen);
    else {
      const container = this.#container(at);
      container.replaceChildren(sanitize(block.html));
      renderFormulas(container);
    }
    this.children[at]?.classList.toggle('done', !isOpen);
  }

  #container(at: number): Element {
    const existing = this.children[at];
    if (existing) return existing;
    const container = document.createElement('div');
    container.className = 'block';
    this.append(container);
    return container;
  }
}

function isSameBlock(one: Block, other: Block): boolean {
  if (one.kind === 'code') {
    return other.kind === 'code' && one.code === other.code && one.language === other.language;
  }
  return other.kind === 'html' && one.html === other.html;
}

customElements.define('webchat-markdown', MarkdownElement);

declare global {
  interface HTMLElementTagNameMap {
    'webchat-markdown': MarkdownElement;
  }
}
