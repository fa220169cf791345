import { html, nothing, type PropertyValues } from 'lit';

import type { ConnectionState, LiveSocket } from '../api/connection/socket';
import { LightDomElement } from '../ui/light-dom-element';
import { notification } from '../ui/notifications/notification';
import { StoreController } from '../ui/store-controller';
import { connectionWords as words } from '../words/shell';

/** Shorter interruptions are not reported to the user. */
const SHOW_AFTER_MS = 1500;

/** What the user can do, and what happens to messages meanwhile. */
const ADVICE: Record<Exclude<ConnectionState, 'connected' | 'connecting'>, () => string> = {
  reconnecting: words.unsentMessages,
  restarting: words.unsentMessages,
  offline: words.unsentMessages,
  'server-full': words.unsentMessages,
  'too-many-connections': words.closeTabs,
  'origin-not-allowed': words.askAdministrator,
  'websocket-blocked': words.allowWebSockets,
};

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
    const isDisconnected = this.#report() !== null;
    if (!isDisconnected) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.isVisible = false;
    } else this.#timer ??= setTimeout(() => (this.isVisible = true), SHOW_AFTER_MS);
  }

  protected override render() {
    const report = this.#report();
    if (report === null || !this.isVisible) return nothing;
    return notification({
      kind: 'warning',
      ...report,
      role: 'status',
      actions: html`<button class="quiet" type="button" @click=${() => this.socket.retryNow()}>
        ${words.tryNow()}
      </button>`,
    });
  }

  #report(): { title: string; text: string } | null {
    const connection = this.socket.connection.value;
    // Without a cookie, each request comes from another user: nothing that works would be of use.
    if (!navigator.cookieEnabled) {
      return { title: words.cookiesBlocked(), text: words.allowCookies() };
    }
    if (connection === 'connected' || connection === 'connecting') return null;
    return { title: words[connection](), text: ADVICE[connection]() };
  }
}

customElements.define('webchat-connection-bar', ConnectionBar);
