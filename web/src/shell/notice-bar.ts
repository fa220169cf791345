import { html, nothing, type PropertyValues } from 'lit';

import { type Notice, secondsUntil } from '../state/page/notice';
import { LightElement } from '../ui/light-element';
import { StoreController } from '../ui/store-controller';

/** The current error message. One that expires shows a countdown, then disappears. */
export class NoticeBar extends LightElement {
  static override properties = { notice: { attribute: false } };

  declare notice: Notice;

  readonly #notice = new StoreController(this);
  #timer: ReturnType<typeof setTimeout> | undefined;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('notice')) this.#notice.store = this.notice;
    clearTimeout(this.#timer);
    const { until } = this.notice;
    if (until === null) return;
    if (until <= Date.now()) this.notice.set(null);
    else this.#timer = setTimeout(() => this.requestUpdate(), 500);
  }

  protected override render() {
    const { value, until } = this.notice;
    if (value === null) return nothing;
    return html`<div class="notice">
      <span role="alert">${value}</span>
      ${
        until === null
          ? nothing
          : html`<span class="countdown">${secondsUntil(until, Date.now())} s</span>`
      }
      <button class="quiet" type="button" @click=${this.#dismiss}>Dismiss</button>
    </div>`;
  }

  #dismiss(): void {
    this.notice.set(null);
    document.querySelector<HTMLElement>('#composer, #main:not(:has(#composer))')?.focus();
  }
}

customElements.define('webchat-notice-bar', NoticeBar);
