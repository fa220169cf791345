import { html, nothing, type PropertyValues } from 'lit';

import type { App } from '../app/app';
import { count } from '../state/context/ledger';
import type { Thread } from '../state/thread/thread';
import { LightElement, Watch } from '../ui/store-controller';

/** How full the model's window is; a click tells with what. */
export class TokenMeter extends LightElement {
  static override properties = { app: { attribute: false }, thread: { attribute: false } };

  declare app: App;
  declare thread: Thread;

  readonly #state = new Watch(this);
  readonly #config = new Watch(this);
  readonly #list = new Watch(this);

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) {
      this.#config.store = this.app.config;
      this.#list.store = this.app.conversations.state;
    }
    if (changed.has('thread')) this.#state.store = this.thread.state;
  }

  protected override render() {
    const config = this.app.config.value;
    const used = this.#used();
    if (!config || used === null) return nothing;
    const room = config.max_tokens - config.reply_tokens;
    return html`<button
      class="meter"
      type="button"
      aria-haspopup="dialog"
      aria-label="${count(used)} tokens: what goes to the model"
      title="What goes to the model"
      @click=${() => this.app.showContext()}
    >
      <meter aria-hidden="true" min="0" max=${room} value=${Math.min(used, room)}></meter>
      <span>${count(used)} tokens</span>
    </button>`;
  }

  /** Of the last turn; where that is not known, the tokens that the conversation holds. */
  #used(): number | null {
    const { tokensUsed } = this.thread.state.value;
    if (tokensUsed !== null && tokensUsed > 0) return tokensUsed;
    const id = this.thread.conversationId;
    const held = id === null ? 0 : (this.app.library.find(id)?.total_tokens ?? 0);
    return held > 0 ? held : null;
  }
}

customElements.define('token-meter', TokenMeter);
