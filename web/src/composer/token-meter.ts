import { html, nothing, type PropertyValues } from 'lit';

import type { App } from '../app/app';
import { formatCount } from '../state/numbers';
import type { Thread } from '../state/thread/thread';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';

/** The part of the model's window in use. A click opens the context panel. */
export class TokenMeter extends LightDomElement {
  static override properties = { app: { attribute: false }, thread: { attribute: false } };

  declare app: App;
  declare thread: Thread;

  readonly #state = new StoreController(this);
  readonly #config = new StoreController(this);
  readonly #list = new StoreController(this);

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) {
      this.#config.store = this.app.config;
      this.#list.store = this.app.conversations.active.state;
    }
    if (changed.has('thread')) this.#state.store = this.thread.state;
  }

  protected override render() {
    const config = this.app.config.value;
    const used = this.#used();
    if (!config || used === null) return nothing;
    const available = config.max_tokens - config.reply_tokens;
    return html`<button
      class="meter"
      type="button"
      aria-haspopup="dialog"
      aria-label="${formatCount(used, 'token')}: chat settings"
      data-tooltip="Chat settings"
      @click=${() => this.app.showContext()}
    >
      <meter aria-hidden="true" min="0" max=${available} value=${Math.min(used, available)}></meter>
      <span>${formatCount(used, 'token')}</span>
    </button>`;
  }

  /** The token count of the last turn or, if unknown, of the conversation. */
  #used(): number | null {
    const { tokensUsed } = this.thread.state.value;
    if (tokensUsed !== null && tokensUsed > 0) return tokensUsed;
    const id = this.thread.conversationId;
    const total = id === null ? 0 : (this.app.conversations.find(id)?.total_tokens ?? 0);
    return total > 0 ? total : null;
  }
}

customElements.define('webchat-token-meter', TokenMeter);
