import { html, nothing, type PropertyValues } from 'lit';

import '../ui/notifications/countdown';

import type { Notice } from '../state/page/notice';
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

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('notice')) this.#notice.store = this.notice;
  }

  protected override render() {
    const { value, expiresAt } = this.notice;
    if (value === null) return nothing;
    return notification({
      kind: 'error',
      title: value,
      role: 'alert',
      actions: expiresAt === null ? undefined : this.#countdown(expiresAt),
      close: () => this.#dismiss(),
    });
  }

  #countdown(expiresAt: number) {
    const { willRetry } = this.notice;
    const countdown = html`<webchat-countdown
      .until=${expiresAt}
      .text=${willRetry ? countdownWords.retriesIn : words.secondsLeft}
    ></webchat-countdown>`;
    if (!willRetry) return countdown;
    return html`${countdown}
      <button class="quiet" type="button" @click=${() => this.#dismiss()}>
        ${words.cancelRetry()}
      </button>`;
  }

  #dismiss(): void {
    this.notice.set(null);
    focusConversation();
  }
}

customElements.define('webchat-notice-bar', NoticeBar);
