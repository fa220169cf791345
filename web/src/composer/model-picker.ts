import { html, nothing, type PropertyValues } from 'lit';

import type { App } from '../app/app';
import type { Thread } from '../state/thread/thread';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';
import { modelWords as words } from '../words/composer';

/** Chooses the model of the chat. With nothing to choose, it shows nothing. */
export class ModelPicker extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    thread: { attribute: false },
  };

  declare app: App;
  declare thread: Thread;

  readonly #list = new StoreController(this);
  readonly #lastChoice = new StoreController(this);
  readonly #editor = new StoreController(this);
  readonly #context = new StoreController(this);

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) {
      this.#list.store = this.app.models.list;
      this.#lastChoice.store = this.app.models.lastChoice;
      this.#editor.store = this.app.contextEditor;
    }
    const editor = this.app.contextEditor.value;
    if (editor) this.#context.store = editor.state;
  }

  protected override render() {
    const { models } = this.app;
    const chosen = this.app.modelOfThread();
    const isUnavailable = chosen !== null && !models.isAvailable(chosen);
    if (!models.isChoice && !isUnavailable) return nothing;
    return html`<select
      class="model-picker"
      aria-label=${words.label()}
      ?disabled=${chosen === null}
      .value=${chosen ?? ''}
      @change=${this.#choose}
    >
      ${
        isUnavailable
          ? html`<option value=${chosen} selected disabled>${words.unavailable(chosen)}</option>`
          : nothing
      }
      ${models.list.value.map(
        ({ id, name }) =>
          html`<option value=${id} ?selected=${id === chosen}>${name ?? id}</option>`,
      )}
    </select>`;
  }

  async #choose(event: Event): Promise<void> {
    const select = event.currentTarget as HTMLSelectElement;
    const isSaved = await this.app.chooseModel(select.value);
    // The choice of the chat did not change, so nothing else resets it.
    if (!isSaved) select.value = this.app.modelOfThread() ?? '';
  }
}

customElements.define('webchat-model-picker', ModelPicker);

declare global {
  interface HTMLElementTagNameMap {
    'webchat-model-picker': ModelPicker;
  }
}
