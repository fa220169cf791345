import { html, nothing, type PropertyValues } from 'lit';

import { formatNumber } from '../state/numbers';
import { type Notice, secondsUntil } from '../state/page/notice';
import { focusConversation } from '../ui/keyboard/focus';
import { LightDomElement } from '../ui/light-dom-element';
import { notification } from '../ui/notifications/notification';
import { StoreController } from '../ui/store-controller';
import { noticeWords as words } from '../words/shell';
import { countdownWords } from '../words/ui';

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
    if (this.notice.expiresAt !== null) {
      this.#timer = setTimeout(() => this.requestUpdate(), 500);
    }
  }

  protected override render() {
    const { value, expiresAt } = this.notice;
    if (value === null) return nothing;
    return notification({
      kind: 'error',
      title: value,
      role: 'alert',
      aside: expiresAt === null ? nothing : this.#countdown(expiresAt),
      close: () => this.#dismiss(),
    });
  }

  #countdown(expiresAt: number) {
    const seconds = formatNumber(secondsUntil(expiresAt, Date.now()));
    if (!this.notice.willRetry) {
      return html`<span class="countdown">${words.secondsLeft(seconds)}</span>`;
    }
    return html`<span class="countdown">${countdownWords.retriesIn(seconds)}</span>
      <button class="link" type="button" @click=${() => this.#dismiss()}>
        ${words.cancelRetry()}
      </button>`;
  }

  #dismiss(): void {
    this.notice.set(null);
    focusConversation();
  }
}

customElements.define('webchat-notice-bar', NoticeBar);
