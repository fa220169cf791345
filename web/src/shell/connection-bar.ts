import { html, nothing, type PropertyValues } from 'lit';

import type { LiveSocket } from '../api/socket';
import { LightDomElement } from '../ui/light-dom-element';
import { notification } from '../ui/notification';
import { StoreController } from '../ui/store-controller';
import { connectionWords as words } from '../words/shell';

/** Shorter interruptions are not reported to the user. */
const SHOW_AFTER_MS = 1500;

/** The bar that tells the user that the connection is lost. */
export class ConnectionBar extends LightDomElement {
  static override properties = { socket: { attribute: false }, isVisible: { state: true } };

  declare socket: LiveSocket;
  declare isVisible: boolean;

  readonly #connection = new StoreController(this);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.isVisible = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('socket')) this.#connection.store = this.socket.connection;
    const isDisconnected = this.#text() !== null;
    if (!isDisconnected) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.isVisible = false;
    } else this.#timer ??= setTimeout(() => (this.isVisible = true), SHOW_AFTER_MS);
  }

  protected override render() {
    const text = this.#text();
    if (text === null || !this.isVisible) return nothing;
    return notification({
      kind: 'warning',
      title: text,
      text: words.unsentMessages(),
      role: 'status',
      aside: html`<button class="quiet" type="button" @click=${() => this.socket.retryNow()}>
        ${words.tryNow()}
      </button>`,
    });
  }

  #text(): string | null {
    const connection = this.socket.connection.value;
    if (connection === 'connected' || connection === 'connecting') return null;
    return words[connection]();
  }
}

customElements.define('webchat-connection-bar', ConnectionBar);
