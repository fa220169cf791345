import { html, nothing, type PropertyValues } from 'lit';

import type { App } from '../app/app';
import { formatFullTime, formatTime } from '../state/dates';
import { detailsOf } from '../state/thread/notes/details';
import type { ThreadMessage } from '../state/thread/thread-message';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';

/** When a message was written and, of an answer, by which model, its tokens and how long it took. */
export class MessageDetails extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    message: { attribute: false },
  };

  declare app: App;
  declare message: ThreadMessage;

  readonly #config = new StoreController(this);
  readonly #models = new StoreController(this);

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('app')) return;
    this.#config.store = this.app.config;
    this.#models.store = this.app.models.list;
  }

  protected override render() {
    const { createdAt } = this.message;
    if (createdAt === null) return nothing;
    const date = new Date(createdAt);
    const details = detailsOf(this.message, this.app.modelName(this.message.model));
    return html`<p class="message-details">
      <time datetime=${createdAt}
        ><span class="short">${formatTime(date, new Date())}</span
        ><span class="full">${formatFullTime(date)}</span></time
      >
      ${details.map((text) => html`<span>${text}</span>`)}
    </p>`;
  }
}

customElements.define('webchat-message-details', MessageDetails);
