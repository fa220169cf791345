import { type Block, renderBlocks } from '../markdown/render';
import { sanitize } from '../markdown/sanitize';
import { enqueue } from '../markdown/scheduler';
import { MarkdownStream } from '../markdown/stream';
import { LightDomElement } from '../ui/light-dom-element';
import { renderCodeBlock } from './code-block';
import { renderFormulas } from './formulas';

/** Renders Markdown that may still grow. Finished blocks are not rendered again. */
export class MarkdownElement extends LightDomElement {
  static override properties = {
    text: {},
    streaming: { type: Boolean },
    deferred: { attribute: false },
  };

  declare text: string;
  declare streaming: boolean;
  /** Whether the text is rendered later, after the visible messages. */
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
    blocks.forEach((block, index) => this.#show(block, index, blocks.length));
    while (this.childElementCount > blocks.length) this.lastElementChild?.remove();
    this.#blocks = blocks;
  }

  #show(block: Block, index: number, count: number): void {
    const previous = this.#blocks[index];
    const isOpen = this.streaming && index === count - 1;
    const element = this.children[index];
    if (
      previous &&
      element &&
      isSameBlock(previous, block) &&
      (isOpen || element.classList.contains('finished'))
    ) {
      return;
    }
    if (block.kind === 'code') renderCodeBlock(this.#container(index), block, isOpen);
    else {
      const container = this.#container(index);
      container.replaceChildren(sanitize(block.html));
      renderFormulas(container);
    }
    this.children[index]?.classList.toggle('finished', !isOpen);
  }

  #container(index: number): Element {
    const existing = this.children[index];
    if (existing) return existing;
    const container = document.createElement('div');
    container.className = 'block';
    this.append(container);
    return container;
  }
}

function isSameBlock(left: Block, right: Block): boolean {
  if (left.kind === 'code') {
    return right.kind === 'code' && left.code === right.code && left.language === right.language;
  }
  return right.kind === 'html' && left.html === right.html;
}

customElements.define('webchat-markdown', MarkdownElement);

declare global {
  interface HTMLElementTagNameMap {
    'webchat-markdown': MarkdownElement;
  }
}
