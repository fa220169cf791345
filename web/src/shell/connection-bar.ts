import { html, nothing, type PropertyValues } from 'lit';

import type { LiveSocket } from '../api/socket';
import { LightElement, Watch } from '../ui/store-controller';

/** A connection that is back sooner than this needs no words. */
const PATIENCE_MS = 1500;

const WORDS = {
  reconnecting: 'The server can’t be reached.',
  restarting: 'The server is being restarted, and will be back in a moment.',
  offline: 'You are offline.',
};

/** Says what a lost connection means for the reader. */
export class ConnectionBar extends LightElement {
  static override properties = { socket: { attribute: false }, isLong: { state: true } };

  declare socket: LiveSocket;
  declare isLong: boolean;

  readonly #connection = new Watch(this);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.isLong = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('socket')) this.#connection.store = this.socket.connection;
    const isAway = this.#words() !== null;
    if (!isAway) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.isLong = false;
    } else this.#timer ??= setTimeout(() => (this.isLong = true), PATIENCE_MS);
  }

  protected override render() {
    const words = this.#words();
    if (words === null || !this.isLong) return nothing;
    return html`<div class="notice calm" role="status">
      <span>${words} What you send now goes out when the connection is back.</span>
      <button class="quiet" type="button" @click=${() => this.socket.retryNow()}>Try now</button>
    </div>`;
  }

  #words(): string | null {
    const connection = this.socket.connection.value;
    if (connection === 'connected' || connection === 'connecting') return null;
    return WORDS[connection];
  }
}

customElements.define('connection-bar', ConnectionBar);
