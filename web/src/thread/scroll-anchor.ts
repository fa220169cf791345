import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** Scrolling down to within this distance from the end makes the view follow new content. */
const NEAR_END_PX = 80;
const HIGHLIGHT_MS = 2000;

interface Anchor {
  key: string;
  top: number;
}

/**
 * Keeps the scroll position in a list of `[data-key]` elements. At the end, the view follows new
 * content. Otherwise, the visible elements stay in place when content is added above them.
 */
export class ScrollAnchor implements ReactiveController {
  /** Whether the view stays at the end when content is added. */
  isFollowing = true;
  #anchor: Anchor | null = null;
  #lastTop = 0;
  readonly #resizeObserver = new ResizeObserver(() => this.follow());

  constructor(
    private readonly host: ReactiveControllerHost & HTMLElement,
    private readonly scroller: () => HTMLElement | null,
  ) {
    host.addController(this);
  }

  /** Observes the content, which may grow without a render, for example when a font loads. */
  observe(content: Element | null): void {
    if (content) this.#resizeObserver.observe(content);
  }

  hostDisconnected(): void {
    this.#resizeObserver.disconnect();
  }

  hostUpdate(): void {
    this.#anchor = this.isFollowing ? null : this.#firstVisible();
  }

  /** The view does not follow here but when the content is resized: measuring it earlier would lay it out twice. */
  hostUpdated(): void {
    const scroller = this.scroller();
    if (this.#anchor && scroller) {
      const element = this.#find(this.#anchor.key);
      const moved = element ? element.getBoundingClientRect().top - this.#anchor.top : 0;
      if (moved !== 0) scroller.scrollTop += moved;
    }
    this.#anchor = null;
  }

  /** Follows other content, which may be as high as the previous one. */
  restart(): void {
    this.isFollowing = true;
    requestAnimationFrame(() => this.follow());
  }

  follow(): void {
    const scroller = this.scroller();
    if (!scroller || !this.isFollowing) return;
    // Without messages, shows the start of the welcome text, which may be longer than the screen.
    const isEmpty = scroller.querySelector('[data-key]') === null;
    scroller.scrollTop = isEmpty ? 0 : scroller.scrollHeight;
  }

  scrollToEnd(): void {
    this.isFollowing = true;
    this.follow();
    this.host.requestUpdate();
  }

  /** Stays in place while the user unfolds or folds something. Then follows if the end is in view. */
  hold(): void {
    const scroller = this.scroller();
    if (!scroller) return;
    this.isFollowing = false;
    // The change is rendered by then.
    requestAnimationFrame(() => {
      this.isFollowing ||= heightBelow(scroller) <= 1;
      this.host.requestUpdate();
    });
  }

  /** Updates `isFollowing` after scrolling by the user or the page. */
  handleScroll(): void {
    const scroller = this.scroller();
    if (!scroller) return;
    const below = heightBelow(scroller);
    const isScrollingUp = scroller.scrollTop < this.#lastTop;
    this.#lastTop = scroller.scrollTop;
    // Scrolling up even a little stops following, so that the next chunk does not scroll back down.
    const isFollowing = isScrollingUp
      ? this.isFollowing && below <= 1
      : this.isFollowing || below < NEAR_END_PX;
    if (isFollowing === this.isFollowing) return;
    this.isFollowing = isFollowing;
    this.host.requestUpdate();
  }

  /** Scrolls to an element and highlights it for a moment. */
  show(key: string): void {
    const element = this.#find(key);
    if (!element) return;
    this.isFollowing = false;
    this.#scrollTo(element);
    // Elements are laid out only when they come into view, and may turn out taller than estimated.
    requestAnimationFrame(() => this.#scrollTo(element));
    element.classList.add('highlighted');
    setTimeout(() => element.classList.remove('highlighted'), HIGHLIGHT_MS);
  }

  #scrollTo(element: Element): void {
    element.scrollIntoView({ block: 'center' });
    this.#lastTop = this.scroller()?.scrollTop ?? 0;
  }

  #firstVisible(): Anchor | null {
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

/** The height of the content below the view. */
function heightBelow({ scrollHeight, scrollTop, clientHeight }: HTMLElement): number {
  return scrollHeight - scrollTop - clientHeight;
}
