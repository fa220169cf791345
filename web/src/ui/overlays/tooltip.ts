const SHOW_AFTER_MS = 300;
/** Long enough to move the pointer onto the tooltip, which must stay then. */
const HIDE_AFTER_MS = 150;
const GAP_PX = 6;
const MARGIN_PX = 4;

/**
 * Shows a tooltip for every button without visible text, with its label, and for every element with `data-tooltip`,
 * with that text: when the pointer rests on it, when the keyboard focuses it, and when the text changes after a
 * click, such as to “Copied”. Escape hides it. The text is not announced, because it repeats the label.
 * `data-tooltip-when="truncated"` shows the tooltip only if the element cuts its text off. `data-tooltip-side`, also on
 * an ancestor, places it at the `start` or the `end` of the element: below a button in a list, it would cover the next
 * one.
 */
export function bindTooltips(): void {
  const tooltip = new Tooltip();
  document.body.append(tooltip.element);
  document.addEventListener('pointerover', (event) => {
    if (event.pointerType !== 'touch') tooltip.handlePointer(event.target);
  });
  document.addEventListener('focusin', ({ target }) => {
    if ((target as Element).matches(':focus-visible')) tooltip.show(ownerOf(target));
  });
  document.addEventListener('focusout', () => tooltip.hide());
  document.addEventListener('pointerdown', () => tooltip.hide());
  document.addEventListener('scroll', () => tooltip.follow(), { capture: true, passive: true });
  document.addEventListener('keydown', (event) => tooltip.handleKey(event), { capture: true });
}

class Tooltip {
  readonly element = document.createElement('div');
  #owner: HTMLElement | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The element under the pointer or with the focus, whether or not its tooltip is shown. */
  #watched: HTMLElement | null = null;
  readonly #changes = new MutationObserver(() => this.show(this.#watched));

  constructor() {
    this.element.className = 'tooltip';
    this.element.popover = 'manual';
    this.element.ariaHidden = 'true';
  }

  handlePointer(target: EventTarget | null): void {
    if (target === this.element) {
      clearTimeout(this.#timer);
      return;
    }
    const owner = ownerOf(target);
    clearTimeout(this.#timer);
    if (owner !== null && owner === this.#owner) return;
    this.#watch(owner);
    if (owner !== null) this.#timer = setTimeout(() => this.show(owner), SHOW_AFTER_MS);
    else if (this.#owner !== null) this.#timer = setTimeout(() => this.hide(), HIDE_AFTER_MS);
  }

  handleKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') this.hide();
  }

  /** Moves the tooltip with the focused element. Away from the pointer, it would be in the way. */
  follow(): void {
    if (this.#owner === null) return;
    if (this.#owner === document.activeElement) this.#position(this.#owner);
    else this.hide();
  }

  show(owner: HTMLElement | null): void {
    this.hide();
    if (owner === null || !owner.isConnected || owner.getAttribute('aria-expanded') === 'true')
      return;
    const text = owner.dataset['tooltip'] ?? owner.ariaLabel ?? '';
    if (text === '') return;
    this.#owner = owner;
    this.#watch(owner);
    this.element.textContent = text;
    this.element.showPopover();
    this.#position(owner);
  }

  hide(): void {
    clearTimeout(this.#timer);
    this.#owner = null;
    if (this.element.matches(':popover-open')) this.element.hidePopover();
  }

  #watch(owner: HTMLElement | null): void {
    if (owner === this.#watched) return;
    this.#watched = owner;
    this.#changes.disconnect();
    if (owner === null) return;
    this.#changes.observe(owner, { attributeFilter: ['aria-label', 'data-tooltip'] });
  }

  /** Places the tooltip within the window: below its owner or, if there is no room, above it. */
  #position(owner: HTMLElement): void {
    const { style, classList } = this.element;
    const anchor = owner.getBoundingClientRect();
    const { width, height } = this.element.getBoundingClientRect();
    const side = owner.closest<HTMLElement>('[data-tooltip-side]')?.dataset['tooltipSide'];
    const isBeside = side !== undefined;
    const isAbove = !isBeside && anchor.bottom + GAP_PX + height + MARGIN_PX > innerHeight;
    const middle = anchor.left + anchor.width / 2;
    const rightmost = innerWidth - MARGIN_PX - width;
    const centred = Math.min(middle - width / 2, rightmost);
    const start = anchor.left - GAP_PX - width;
    const beside = side === 'start' ? start : Math.min(anchor.right + GAP_PX, rightmost);
    const left = isBeside ? beside : Math.max(MARGIN_PX, centred);
    const below = isAbove ? anchor.top - GAP_PX - height : anchor.bottom + GAP_PX;
    const top = isBeside ? anchor.top + (anchor.height - height) / 2 : below;
    style.left = `${left}px`;
    style.top = `${top}px`;
    style.setProperty('--caret', `${middle - left}px`);
    classList.toggle('above', isAbove);
    classList.toggle('start', side === 'start');
    classList.toggle('end', side === 'end');
  }
}

/** The element that a tooltip describes. */
function ownerOf(target: EventTarget | null): HTMLElement | null {
  if (!(target instanceof Element)) return null;
  const owner = target.closest<HTMLElement>('[data-tooltip], button[aria-label], a[aria-label]');
  if (owner === null) return null;
  if (owner.dataset['tooltip'] === undefined) return owner.innerText.trim() === '' ? owner : null;
  const isTruncated = owner.scrollWidth > owner.clientWidth;
  return owner.dataset['tooltipWhen'] === 'truncated' && !isTruncated ? null : owner;
}
