import { html, nothing, type PropertyValues } from 'lit';

import { type Notice, secondsUntil } from '../state/page/notice';
import { focusConversation } from '../ui/focus';
import { LightDomElement } from '../ui/light-dom-element';
import { notification } from '../ui/notification';
import { StoreController } from '../ui/store-controller';
import { noticeWords as words } from '../words/shell';

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
    return notification({
      kind: 'error',
      title: value,
      role: 'alert',
      aside:
        expiresAt === null
          ? nothing
          : html`<span class="countdown"
              >${words.secondsLeft(secondsUntil(expiresAt, Date.now()))}</span
            >`,
      close: () => this.#dismiss(),
    });
  }

  #dismiss(): void {
    this.notice.set(null);
    focusConversation();
  }
}

customElements.define('webchat-notice-bar', NoticeBar);
