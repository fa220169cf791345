import { html, nothing, type PropertyValues } from 'lit';

import type { App } from '../app';
import type { Config, Ledger } from '../protocol';
import type { Thread, ThreadState } from '../state/thread';
import { LightElement, Watch } from './element';

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
    return html`<details class="meter">
      <summary>
        <meter min="0" max=${room} value=${Math.min(used, room)} aria-label="Tokens used"></meter>
        <span>${count(used)} tokens</span>
      </summary>
      <div class="ledger">${this.#ledger(config, this.thread.state.value)}</div>
    </details>`;
  }

  /** Of the last turn; of a conversation that was opened, the tokens it holds. */
  #used(): number | null {
    const { tokensUsed } = this.thread.state.value;
    if (tokensUsed !== null) return tokensUsed;
    const id = this.thread.conversationId;
    const held = id === null ? 0 : (this.app.conversations.find(id)?.total_tokens ?? 0);
    return held > 0 ? held : null;
  }

  #ledger(config: Config, { ledger }: ThreadState) {
    const rows: [string, number][] = [
      ['The model’s window', config.max_tokens],
      ['Kept free for the answer', config.reply_tokens],
    ];
    if (ledger) rows.push(...sent(ledger).filter(([, tokens]) => tokens > 0));
    return html`<dl>
        ${rows.map(
          ([name, tokens]) =>
            html`<dt>${name}</dt>
              <dd>${count(tokens)}</dd>`,
        )}
      </dl>
      ${
        ledger && ledger.left_out_messages > 0
          ? html`<p>
              ${count(ledger.left_out_messages)} older messages did not fit and were not sent. They
              are kept.
            </p>`
          : nothing
      }`;
  }
}

/** What went to the model with the last message. */
function sent(ledger: Ledger): [string, number][] {
  return [
    ['System prompt', ledger.system],
    ['Examples', ledger.few_shot],
    ['Summary of older messages', ledger.summary],
    ['Messages', ledger.history],
  ];
}

function count(tokens: number): string {
  return tokens.toLocaleString('en');
}

customElements.define('token-meter', TokenMeter);
