import { html, nothing } from 'lit';
import type Icon from '@carbon/icons/es/add/16.js';

import { LightElement } from './store-controller';
import { icon } from './icon';

export interface MenuItem {
  label: string;
  icon: typeof Icon;
  /** What it does; where it is a file to be fetched, `href` instead. */
  run?: () => void;
  href?: string;
  isDangerous?: boolean;
  /** A line above it. */
  begins?: boolean;
}

const GAP_PX = 4;

let count = 0;

/** A button with a menu, which the browser keeps above everything and closes by itself. */
export class PopupMenu extends LightElement {
  static override properties = {
    label: {},
    icon: { attribute: false },
    items: { attribute: false },
    isOpen: { state: true },
  };

  declare label: string;
  declare icon: typeof Icon;
  declare items: () => readonly MenuItem[];
  declare isOpen: boolean;

  readonly #id: string;

  constructor() {
    super();
    count += 1;
    this.#id = `menu-${count}`;
    this.isOpen = false;
  }

  protected override render() {
    return html`<button
        class="quiet"
        type="button"
        aria-label=${this.label}
        title=${this.label}
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
        @toggle=${this.#toggled}
        @keydown=${this.#key}
      >
        ${this.isOpen ? this.items().map((item) => this.#item(item)) : nothing}
      </div>`;
  }

  #item(item: MenuItem) {
    const text = html`${icon(item.icon)}<span>${item.label}</span>`;
    const kind = `${item.isDangerous ? 'dangerous' : ''} ${item.begins ? 'begins' : ''}`;
    if (item.href !== undefined) {
      return html`<a
        class=${kind}
        role="menuitem"
        tabindex="-1"
        href=${item.href}
        download
        @click=${this.#close}
        >${text}</a
      >`;
    }
    const run = () => {
      // Closed first: then what it opens takes the focus, and gives it back to this button.
      this.#close();
      item.run?.();
    };
    return html`<button class=${kind} type="button" role="menuitem" tabindex="-1" @click=${run}>
      ${text}
    </button>`;
  }

  async #toggled({ newState }: ToggleEvent): Promise<void> {
    this.isOpen = newState === 'open';
    if (!this.isOpen) return;
    await this.updateComplete;
    this.#place();
    this.#choices()[0]?.focus();
  }

  /** Below its button and within the window; above, where there is no room below. */
  #place(): void {
    const menu = this.#menu();
    const button = this.querySelector('button')?.getBoundingClientRect();
    if (!menu || !button) return;
    const { width, height } = menu.getBoundingClientRect();
    const isRoomBelow = button.bottom + GAP_PX + height <= innerHeight;
    const top = isRoomBelow ? button.bottom + GAP_PX : button.top - GAP_PX - height;
    menu.style.top = `${Math.max(GAP_PX, top)}px`;
    const left = Math.min(button.left, innerWidth - GAP_PX - width);
    menu.style.left = `${Math.max(GAP_PX, left)}px`;
  }

  #key(event: KeyboardEvent): void {
    const choices = this.#choices();
    const at = choices.findIndex((choice) => choice === document.activeElement);
    const to: Record<string, number> = {
      ArrowDown: (at + 1) % choices.length,
      ArrowUp: (at - 1 + choices.length) % choices.length,
      Home: 0,
      End: choices.length - 1,
    };
    if (event.key === 'Tab') this.#close();
    // The browser closes the menu; what is behind it stays as it is.
    if (event.key === 'Escape') event.stopPropagation();
    const next = to[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    choices[next]?.focus();
  }

  #close(): void {
    this.#menu()?.hidePopover();
  }

  #menu(): HTMLElement | null {
    return this.querySelector<HTMLElement>('.menu');
  }

  #choices(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>('[role="menuitem"]')];
  }
}

customElements.define('popup-menu', PopupMenu);
