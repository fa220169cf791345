import { html, nothing, type PropertyValues } from 'lit';

import { type Notice, secondsUntil } from '../state/page/notice';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';

/** The current error message. If the message expires, a countdown is shown with it. */
export class NoticeBar extends LightDomElement {
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
    const { expiresAt } = this.notice;
    if (expiresAt === null) return;
    if (expiresAt <= Date.now()) this.notice.set(null);
    else this.#timer = setTimeout(() => this.requestUpdate(), 500);
  }

  protected override render() {
    const { value, expiresAt } = this.notice;
    if (value === null) return nothing;
    return html`<div class="notice">
      <span role="alert">${value}</span>
      ${
        expiresAt === null
          ? nothing
          : html`<span class="countdown">${secondsUntil(expiresAt, Date.now())} s</span>`
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
