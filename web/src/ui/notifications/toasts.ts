import { html, nothing, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import Close from '@carbon/icons/es/close/20.js';

import type { Toast, Toasts } from '../../state/page/toasts';
import { dismissWords } from '../../words/ui';
import { focusConversation } from '../keyboard/focus';
import { icon } from '../icon';
import { LightDomElement } from '../light-dom-element';
import { kindIcon } from './notification';
import { StoreController } from '../store-controller';

/** Short messages at the edge of the page. Their timers pause while they are hovered or focused. */
export class WebchatToasts extends LightDomElement {
  static override properties = { toasts: { attribute: false } };

  declare toasts: Toasts;

  readonly #list = new StoreController(this);

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('toasts')) this.#list.store = this.toasts;
  }

  protected override render() {
    return html`<div class="toasts" role="status">
      ${repeat(
        this.toasts.value,
        (toast) => toast.id,
        (toast) => this.#toast(toast),
      )}
    </div>`;
  }

  #toast({ id, text, kind, action }: Toast) {
    const pause = () => this.toasts.pause(id);
    const resume = () => this.toasts.resume(id);
    return html`<div
      class="toast ${kind}"
      @pointerenter=${pause}
      @pointerleave=${resume}
      @focusin=${pause}
      @focusout=${resume}
    >
      ${kindIcon(kind)}<span>${text}</span>
      ${action ? this.#action(id, action) : nothing}
      <button
        class="quiet"
        type="button"
        aria-label=${dismissWords.dismiss()}
        @click=${() => this.#closeAndRefocus(() => this.toasts.dismiss(id))}
      >
        ${icon(Close)}
      </button>
    </div>`;
  }

  #action(id: number, { label, href }: NonNullable<Toast['action']>) {
    const act = () => this.toasts.runAction(id);
    if (href !== undefined) {
      return html`<a class="link" href=${href} download @click=${act}>${label}</a>`;
    }
    return html`<button class="link" type="button" @click=${() => this.#closeAndRefocus(act)}>
      ${label}
    </button>`;
  }

  /** Keeps the focus on the page when the focused toast is removed. */
  #closeAndRefocus(close: () => void): void {
    close();
    focusConversation();
  }
}

customElements.define('webchat-toasts', WebchatToasts);
