import { html, nothing } from 'lit';
import type Icon from '@carbon/icons/es/add/16.js';

import { icon } from '../icon';
import { LightDomElement } from '../light-dom-element';

export interface MenuItem {
  label: string;
  icon: typeof Icon;
  /** The action. A download has `href` instead, a link to another page has `page`. */
  run?: () => void;
  href?: string;
  page?: string;
  isDangerous?: boolean;
  /** Draws a line above the item. */
  isSeparated?: boolean;
}

const MARGIN_PX = 4;

let instances = 0;

/** A button with a menu. The menu is a popover, so the browser keeps it on top and dismisses it. */
export class PopupMenu extends LightDomElement {
  static override properties = {
    label: {},
    tooltip: {},
    icon: { attribute: false },
    buttonClass: { attribute: false },
    items: { attribute: false },
    isOpen: { state: true },
  };

  declare label: string;
  /** The tooltip, if it is not the label. */
  declare tooltip: string | undefined;
  declare icon: typeof Icon;
  /** The CSS class of the button. */
  declare buttonClass: string;
  declare items: () => readonly MenuItem[];
  declare isOpen: boolean;

  readonly #id: string;

  constructor() {
    super();
    instances += 1;
    this.#id = `menu-${instances}`;
    this.isOpen = false;
    this.buttonClass = 'quiet';
  }

  protected override render() {
    return html`<button
        class=${this.buttonClass}
        type="button"
        aria-label=${this.label}
        data-tooltip=${this.tooltip ?? nothing}
        aria-haspopup="menu"
        aria-expanded=${this.isOpen}
        popovertarget=${this.#id}
      >
        ${icon(this.icon)}
      </button>
      <div
        id=${this.#id}
        class="menu"
        popover
        role=${this.isOpen ? 'menu' : nothing}
        aria-label=${this.isOpen ? this.label : nothing}
        @toggle=${this.#handleToggle}
        @keydown=${this.#handleKeydown}
      >
        ${this.isOpen ? this.items().map((item) => this.#item(item)) : nothing}
      </div>`;
  }

  #item(item: MenuItem) {
    const text = html`${icon(item.icon)}<span>${item.label}</span>`;
    const classes = `${item.isDangerous ? 'dangerous' : ''} ${item.isSeparated ? 'separated' : ''}`;
    const address = item.page ?? item.href;
    if (address !== undefined) {
      return html`<a
        class=${classes}
        role="menuitem"
        tabindex="-1"
        href=${address}
        ?download=${item.page === undefined}
        @click=${this.#close}
        >${text}</a
      >`;
    }
    const run = () => {
      // The menu closes first, so that a dialog opened by `run` returns the focus to this button.
      this.#close();
      item.run?.();
    };
    return html`<button class=${classes} type="button" role="menuitem" tabindex="-1" @click=${run}>
      ${text}
    </button>`;
  }

  async #handleToggle({ newState }: ToggleEvent): Promise<void> {
    this.isOpen = newState === 'open';
    if (!this.isOpen) return;
    await this.updateComplete;
    this.#position();
    this.#menuItems()[0]?.focus();
  }

  /** Places the menu within the window: below its button or, if there is no room, above it. */
  #position(): void {
    const menu = this.#menu();
    const button = this.querySelector('button')?.getBoundingClientRect();
    if (!menu || !button) return;
    const { width, height } = menu.getBoundingClientRect();
    const isRoomBelow = button.bottom + MARGIN_PX + height <= innerHeight;
    const top = isRoomBelow ? button.bottom + MARGIN_PX : button.top - MARGIN_PX - height;
    menu.style.top = `${Math.max(MARGIN_PX, top)}px`;
    const left = Math.min(button.left, innerWidth - MARGIN_PX - width);
    menu.style.left = `${Math.max(MARGIN_PX, left)}px`;
  }

  #handleKeydown(event: KeyboardEvent): void {
    const items = this.#menuItems();
    const index = items.findIndex((item) => item === document.activeElement);
    const targets: Record<string, number> = {
      ArrowDown: (index + 1) % items.length,
      ArrowUp: (index - 1 + items.length) % items.length,
      Home: 0,
      End: items.length - 1,
    };
    if (event.key === 'Tab') this.#close();
    // The browser closes the menu on Escape. The page behind it must not react.
    if (event.key === 'Escape') event.stopPropagation();
    const next = targets[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    items[next]?.focus();
  }

  #close(): void {
    this.#menu()?.hidePopover();
  }

  #menu(): HTMLElement | null {
    return this.querySelector<HTMLElement>('.menu');
  }

  #menuItems(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>('[role="menuitem"]')];
  }
}

customElements.define('webchat-popup-menu', PopupMenu);
