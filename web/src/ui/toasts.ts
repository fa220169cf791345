import { html, nothing, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import Close from '@carbon/icons/es/close/16.js';

import type { Toast, Toasts } from '../state/page/toasts';
import { LightElement, Watch } from './store-controller';
import { icon } from './icon';

/** Short messages at the edge of the page. They stay while somebody points at them or is in them. */
export class WebchatToasts extends LightElement {
  static override properties = { toasts: { attribute: false } };

  declare toasts: Toasts;

  readonly #list = new Watch(this);

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

  #toast({ id, text, action }: Toast) {
    const hold = () => this.toasts.hold(id);
    const release = () => this.toasts.release(id);
    return html`<div
      class="toast"
      @pointerenter=${hold}
      @pointerleave=${release}
      @focusin=${hold}
      @focusout=${release}
    >
      <span>${text}</span>
      ${action ? this.#action(id, action) : nothing}
      <button
        class="quiet"
        type="button"
        aria-label="Dismiss"
        @click=${() => this.#gone(() => this.toasts.end(id))}
      >
        ${icon(Close)}
      </button>
    </div>`;
  }

  #action(id: number, { label, href }: NonNullable<Toast['action']>) {
    const act = () => this.toasts.act(id);
    if (href !== undefined) {
      return html`<a class="link" href=${href} download @click=${act}>${label}</a>`;
    }
    return html`<button class="link" type="button" @click=${() => this.#gone(act)}>
      ${label}
    </button>`;
  }

  /** The focus does not go with the toast that had it. */
  #gone(end: () => void): void {
    end();
    document.querySelector<HTMLElement>('#composer, #main:not(:has(#composer))')?.focus();
  }
}

customElements.define('webchat-toasts', WebchatToasts);
