import { inBackground } from '../../markdown/background';
import { patchChildren } from '../../markdown/dom/patch';
import { sanitize, sanitizeAll } from '../../markdown/dom/sanitize';
import { type Block, renderBlocks } from '../../markdown/render';
import { enqueue } from '../../markdown/scheduler';
import { MarkdownStream } from '../../markdown/stream';
import { LightDomElement } from '../../ui/light-dom-element';
import { createCodeBlock, handleCodeClick, highlightBlock, updateCode } from './code-block';
import { decorate, handleFootnoteClick } from './decorate';
import { renderFormulas } from './formulas';

/** The part of the time that the rendering of a growing text may take: one in this many milliseconds. */
const COST_FACTOR = 3;
const MAX_DELAY_MS = 1000;

/** The number of blocks in a group. The browser lays out only the groups near the screen. */
const GROUP_SIZE = 200;

/** A block that is shown. */
interface ShownBlock {
  block: Block;
  element: Element;
  isOpen: boolean;
}

/** Renders Markdown that may still grow. Finished blocks are not rendered again. */
export class MarkdownElement extends LightDomElement {
  static override properties = {
    text: {},
    streaming: { type: Boolean },
    isQuestion: { attribute: false },
  };

  declare text: string;
  declare streaming: boolean;
  /** Whether the text is the user's. */
  declare isQuestion: boolean;

  readonly #stream = new MarkdownStream();
  readonly #shown: ShownBlock[] = [];
  /** The blocks at the beginning of a very long text that are not shown yet. */
  #earlier: Block[] = [];
  /** The number of blocks that are shown and will not change while the text grows. */
  #settled = 0;
  /** When the next rendering may begin, so that a long block that grows does not block the page. */
  #notBefore = 0;
  /** Ends the wait for the next rendering. */
  #endWait = () => {};

  constructor() {
    super();
    this.text = '';
    this.streaming = false;
    this.isQuestion = false;
    this.addEventListener('click', handleCodeClick);
    this.addEventListener('click', handleFootnoteClick);
  }

  protected override scheduleUpdate(): void | Promise<unknown> {
    const wait = this.#notBefore - performance.now();
    if (!this.streaming || wait <= 0) return super.scheduleUpdate();
    const end = new Promise<void>((resolve) => {
      this.#endWait = resolve;
      setTimeout(resolve, wait);
    });
    return end.then(() => super.scheduleUpdate());
  }

  override requestUpdate(...[name, ...rest]: Parameters<LightDomElement['requestUpdate']>): void {
    super.requestUpdate(name, ...rest);
    // The complete text is shown at once.
    if (name === 'streaming' && !this.streaming) this.#endWait();
  }

  protected override update(changed: Map<PropertyKey, unknown>): void {
    super.update(changed);
    const start = performance.now();
    while (this.#earlier.length > 0) this.#showEarlier();
    if (this.streaming) this.#showGrowing();
    else this.#showComplete();
    const end = performance.now();
    this.#notBefore = end + Math.min(MAX_DELAY_MS, COST_FACTOR * (end - start));
  }

  #showGrowing(): void {
    const tail = this.#stream.render(this.text);
    const { finished } = this.#stream;
    const isContinued = this.#shown[this.#settled - 1]?.block === finished[this.#settled - 1];
    const from = isContinued ? this.#settled : 0;
    this.#show([...finished.slice(from), ...tail], from, true);
    this.#settled = finished.length;
  }

  #showComplete(): void {
    this.#settled = 0;
    const { blocks } = renderBlocks(this.text, { isQuestion: this.isQuestion });
    if (this.#shown.length === 0) this.#earlier = blocks.splice(0, blocks.length - GROUP_SIZE);
    this.#show(blocks, 0, false);
    if (this.#earlier.length > 0) void enqueue(() => this.#showEarlier());
  }

  /** Shows the blocks before those at the end of a very long text, group by group. */
  #showEarlier(): void {
    const blocks = this.#earlier.splice(-GROUP_SIZE);
    if (blocks.length === 0) return;
    const added = createBlocks(blocks, false);
    const group = createGroup();
    group.append(...added.map(({ element }) => element));
    this.prepend(group);
    this.#shown.unshift(...added);
    void enqueue(() => this.#showEarlier());
  }

  /** Shows the blocks from the index `from` on. If the text grows, the last one is open. */
  #show(blocks: Block[], from: number, isGrowing: boolean): void {
    for (const [index, block] of blocks.entries()) {
      const shown = this.#shown[from + index];
      if (shown) this.#update(shown, block, isGrowing && index === blocks.length - 1);
    }
    const known = this.#shown.length - from;
    this.#append(blocks.slice(Math.max(0, known)), isGrowing);
    for (const { element } of this.#shown.splice(from + blocks.length)) {
      const group = element.parentElement;
      element.remove();
      if (group?.childElementCount === 0) group.remove();
    }
  }

  #append(blocks: Block[], isGrowing: boolean): void {
    if (blocks.length === 0) return;
    const added = createBlocks(blocks, isGrowing);
    let group = this.lastElementChild;
    let size = group?.childElementCount ?? 0;
    for (const { element } of added) {
      if (!group || size === GROUP_SIZE) {
        group = createGroup();
        size = 0;
        this.append(group);
      }
      group.append(element);
      size += 1;
    }
    for (const block of added) this.#shown.push(block);
  }

  #update(shown: ShownBlock, block: Block, isOpen: boolean): void {
    const { element } = shown;
    if (isSameBlock(shown.block, block) && shown.isOpen === isOpen) {
      // The identity shows whether a growing text has been restarted.
      shown.block = block;
      return;
    }
    if (block.kind === 'html') {
      const content = sanitize(block.html);
      decorate(content);
      patchChildren(element, content);
    } else if (shown.block.kind === 'code' && shown.block.language === block.language) {
      updateCode(element, block.code);
    } else element.replaceChildren(createCodeBlock(block.language, block.code));
    complete(element, isOpen);
    Object.assign(shown, { block, isOpen });
  }
}

/** Renders blocks. If the text grows, the last one is open. */
function createBlocks(blocks: readonly Block[], isGrowing: boolean): ShownBlock[] {
  const htmls = blocks.flatMap((block) => (block.kind === 'html' ? [block.html] : []));
  const contents = sanitizeAll(htmls).values();
  return blocks.map((block, index) => {
    const element = document.createElement('div');
    element.className = 'block';
    const isOpen = isGrowing && index === blocks.length - 1;
    const content =
      block.kind === 'code' ? createCodeBlock(block.language, block.code) : contents.next().value;
    if (content && block.kind === 'html') {
      decorate(content);
      element.append(...content.childNodes);
    } else if (content) element.append(content);
    complete(element, isOpen);
    return { block, element, isOpen };
  });
}

function createGroup(): Element {
  const group = document.createElement('div');
  group.className = 'blocks';
  return group;
}

/** Typesets the formulas and highlights the code. In an open block, the last code may still grow. */
function complete(element: Element, isOpen: boolean): void {
  renderFormulas(element);
  const figures = [...element.querySelectorAll('figure.code')];
  if (isOpen) figures.pop();
  for (const figure of figures) inBackground(highlightBlock(figure));
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
