import { html, nothing, type PropertyValues } from 'lit';
import Settings from '@carbon/icons/es/settings--adjust/16.js';

import type { App } from '../app/app';
import { usedTokens } from '../state/context/ledger';
import type { Thread } from '../state/thread/thread';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';
import { contextWords, settingsWords } from '../words/settings';

/** The button that opens the chat settings, and the part of the model's window in use, which opens its details. */
export class TokenMeter extends LightDomElement {
  static override properties = { app: { attribute: false }, thread: { attribute: false } };

  declare app: App;
  declare thread: Thread;

  readonly #editor = new StoreController(this);
  readonly #context = new StoreController(this);

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#editor.store = this.app.contextEditor;
    const editor = this.app.contextEditor.value;
    if (editor) this.#context.store = editor.state;
  }

  protected override render() {
    return html`${this.#meter()}<button
        class="quiet"
        type="button"
        aria-haspopup="dialog"
        aria-label=${settingsWords.title()}
        data-tooltip=${settingsWords.title()}
        @click=${() => this.app.showSettings()}
      >
        ${icon(Settings)}
      </button>`;
  }

  /** Nothing is known of a chat without messages. */
  #meter() {
    const ledger = this.app.contextEditor.value?.state.value.context?.ledger;
    if (!ledger || this.thread.state.value.messages.length === 0) return nothing;
    const used = usedTokens(ledger);
    const available = ledger.window - ledger.reserved;
    const usage = contextWords.usage(used, ledger.window);
    return html`<button
      class="meter"
      type="button"
      aria-haspopup="dialog"
      aria-label="${contextWords.title()}: ${usage}"
      data-tooltip="${contextWords.title()}: ${usage}"
      @click=${() => this.app.showSettings('context')}
    >
      <meter aria-hidden="true" min="0" max=${available} value=${Math.min(used, available)}></meter>
      <span>${contextWords.meter(used, ledger.window)}</span>
    </button>`;
  }
}

customElements.define('webchat-token-meter', TokenMeter);
