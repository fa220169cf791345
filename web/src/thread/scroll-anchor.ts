import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** A reader this near to the end follows the answer as it grows. */
const NEAR_END_PX = 80;
const MARKED_MS = 2000;

interface Anchor {
  key: string;
  top: number;
}

/**
 * Where the reader is in a list of `[data-key]` elements. At the end he follows what comes; elsewhere
 * what he sees stays where it is, whatever is added above.
 */
export class ScrollPlace implements ReactiveController {
  atEnd = true;
  #anchor: Anchor | null = null;
  #lastTop = 0;
  readonly #resized = new ResizeObserver(() => this.follow());

  constructor(
    private readonly host: ReactiveControllerHost & HTMLElement,
    private readonly scroller: () => HTMLElement | null,
  ) {
    host.addController(this);
  }

  /** Watches what is scrolled: it may grow without being rendered, as when a font comes. */
  observe(content: Element | null): void {
    if (content) this.#resized.observe(content);
  }

  hostDisconnected(): void {
    this.#resized.disconnect();
  }

  hostUpdate(): void {
    this.#anchor = this.atEnd ? null : this.#firstInSight();
  }

  hostUpdated(): void {
    const scroller = this.scroller();
    if (this.atEnd) this.follow();
    else if (this.#anchor && scroller) {
      const element = this.#find(this.#anchor.key);
      const moved = element ? element.getBoundingClientRect().top - this.#anchor.top : 0;
      if (moved !== 0) scroller.scrollTop += moved;
    }
    this.#anchor = null;
  }

  follow(): void {
    const scroller = this.scroller();
    if (!scroller || !this.atEnd) return;
    // A welcome that is longer than the screen is read from its beginning.
    const isEmpty = scroller.querySelector('[data-key]') === null;
    scroller.scrollTop = isEmpty ? 0 : scroller.scrollHeight;
  }

  toEnd(): void {
    this.atEnd = true;
    this.follow();
    this.host.requestUpdate();
  }

  /** The reader, or the page, has scrolled. */
  scrolled(): void {
    const scroller = this.scroller();
    if (!scroller) return;
    const below = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    const isGoingUp = scroller.scrollTop < this.#lastTop;
    this.#lastTop = scroller.scrollTop;
    // Who goes up a little is not pulled back by the next word of the answer.
    const atEnd = isGoingUp ? this.atEnd && below <= 1 : this.atEnd || below < NEAR_END_PX;
    if (atEnd === this.atEnd) return;
    this.atEnd = atEnd;
    this.host.requestUpdate();
  }

  /** Brings an element into sight, and marks it for a moment. */
  show(key: string): void {
    const element = this.#find(key);
    if (!element) return;
    this.atEnd = false;
    this.#bringIntoSight(element);
    // What comes into sight is laid out only now, and may be higher than was thought.
    requestAnimationFrame(() => this.#bringIntoSight(element));
    element.classList.add('marked');
    setTimeout(() => element.classList.remove('marked'), MARKED_MS);
  }

  #bringIntoSight(element: Element): void {
    element.scrollIntoView({ block: 'center' });
    this.#lastTop = this.scroller()?.scrollTop ?? 0;
  }

  #firstInSight(): Anchor | null {
    const scroller = this.scroller();
    if (!scroller) return null;
    const { left, top, width, height } = scroller.getBoundingClientRect();
    for (let y = top + 1; y < top + height; y += 24) {
      const item = document
        .elementFromPoint(left + width / 2, y)
        ?.closest<HTMLElement>('[data-key]');
      const key = item?.dataset['key'];
      if (item && key) return { key, top: item.getBoundingClientRect().top };
    }
    return null;
  }

  #find(key: string): Element | null {
    return this.scroller()?.querySelector(`[data-key="${CSS.escape(key)}"]`) ?? null;
  }
}
