import { html, nothing, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import ArrowDown from '@carbon/icons/es/arrow--down/16.js';

import './live-announcer';
import '../message/message';

import type { App } from '../app/app';
import { type Row, rows } from '../state/thread/rows';
import type { Thread } from '../state/thread/thread';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';
import { loadingSkeleton, missing, loadFailed, welcome } from './empty-states';
import { ScrollAnchor } from './scroll-anchor';

/** How many of the newest messages are rendered at once: as many as fit on a screen. */
const EAGERLY_RENDERED = 10;

/** The messages of a conversation. Fires `show-context` when the user opens the summary. */
export class WebchatThread extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    thread: { attribute: false },
  };

  declare app: App;
  declare thread: Thread;

  readonly #state = new StoreController(this);
  readonly #config = new StoreController(this);
  readonly #scroll = new ScrollAnchor(this, () => this.querySelector('.scroller'));
  #target: object | null = null;
  /** The id of the user's message that is being sent. */
  #sendingId: string | null = null;

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#config.store = this.app.config;
    if (changed.has('thread')) {
      this.#state.store = this.thread.state;
      this.#scroll.atEnd = true;
      this.#target = null;
    }
    this.#followOwnMessage();
  }

  protected override render() {
    return html`
      <div class="scroller" @scroll=${this.#scrollChanged}>
        <div class="thread">${this.#content()}</div>
      </div>
      ${
        this.#scroll.atEnd || this.thread.state.value.messages.length === 0
          ? nothing
          : html`<button class="jump-to-end" type="button" @click=${this.#jumpToEnd}>
              ${icon(ArrowDown)}<span>Newest</span>
            </button>`
      }
      <webchat-live-announcer .thread=${this.thread}></webchat-live-announcer>
    `;
  }

  protected override firstUpdated(): void {
    this.#scroll.observe(this.querySelector('.thread'));
  }

  protected override updated(): void {
    this.#loadNearby();
    const { target } = this.thread.state.value;
    if (target === null || target === this.#target) return;
    this.#target = target;
    // After the layout, and after the scroll position has been restored.
    requestAnimationFrame(() => this.#showMessage(target.id));
  }

  /** Scrolls to the end when the user sends a message. */
  #followOwnMessage(): void {
    const { messages } = this.thread.state.value;
    const sending = messages.findLast(({ status }) => status === 'sending')?.id ?? null;
    if (sending !== null && sending !== this.#sendingId) this.#scroll.atEnd = true;
    this.#sendingId = sending;
  }

  #content() {
    const { phase, messages } = this.thread.state.value;
    switch (phase) {
      case 'new':
        return welcome(this.app);
      case 'loading':
        return loadingSkeleton();
      case 'missing':
        return missing(this.app);
      case 'failed':
        return loadFailed(this.app);
      case 'ready':
        return messages.length === 0 ? welcome(this.app) : this.#messages();
    }
  }

  #messages() {
    const items = rows(this.thread.state.value, new Date());
    return html`${this.#older()}
      <ol class="messages" aria-label="Messages">
        ${repeat(
          items,
          (row) => row.key,
          (row, index) => this.#row(row, items.length - 1 - index),
        )}
      </ol>`;
  }

  #row({ key, message, day, isAfterGap, endsSummary }: Row, following: number) {
    return html`<li data-key=${key}>
      ${isAfterGap ? this.#gap() : nothing}
      ${day === null ? nothing : html`<p class="day"><span>${day}</span></p>`}
      <webchat-message
        .app=${this.app}
        .thread=${this.thread}
        .message=${message}
        .isLast=${following === 0}
        .isBusy=${this.thread.state.value.runningTurn !== null}
        .editing=${this.#editingOf(message.id)}
        .deferred=${following >= EAGERLY_RENDERED && this.#opensAtEnd()}
      ></webchat-message>
      ${
        endsSummary
          ? html`<button class="divider" type="button" @click=${this.#showContext}>
              <span>Summary up to here</span>
            </button>`
          : nothing
      }
    </li>`;
  }

  /** Elsewhere than at the end, messages that are rendered later would move the visible ones. */
  #opensAtEnd(): boolean {
    return this.#scroll.atEnd && this.thread.state.value.target === null;
  }

  #editingOf(messageId: string) {
    const { editing } = this.thread.state.value;
    return editing?.messageId === messageId ? editing : null;
  }

  #older() {
    const { nextBefore, pageLoading } = this.thread.state.value;
    if (nextBefore === null) return nothing;
    return html`<p class="older">
      ${
        pageLoading === 'failed'
          ? html`Older messages can’t be read.
              <button class="link" type="button" @click=${() => this.thread.loadOlder()}>
                Try again
              </button>`
          : html`<span role="status"
              >${pageLoading === 'older' ? 'Reading older messages…' : ''}</span
            >`
      }
    </p>`;
  }

  #gap() {
    return html`<button
      class="divider gap"
      type="button"
      @click=${() => this.thread.fillGap(false)}
    >
      <span>Show the messages between</span>
    </button>`;
  }

  #showContext(): void {
    this.dispatchEvent(new CustomEvent('show-context', { bubbles: true }));
  }

  #showMessage(id: string): void {
    const article = this.querySelector<HTMLElement>(`article[data-id="${CSS.escape(id)}"]`);
    const key = article?.closest<HTMLElement>('[data-key]')?.dataset['key'];
    if (key === undefined) return;
    this.#scroll.show(key);
    article?.focus({ preventScroll: true });
    this.requestUpdate();
  }

  #jumpToEnd(): void {
    this.#scroll.scrollToEnd();
    document.querySelector<HTMLElement>('#composer')?.focus();
  }

  #scrollChanged(): void {
    this.#scroll.handleScroll();
    this.#loadNearby();
  }

  /** Loads missing messages that are less than a screen away. */
  #loadNearby(): void {
    const { pageLoading, nextBefore, gap } = this.thread.state.value;
    if (pageLoading !== 'idle' || (nextBefore === null && gap === null)) return;
    const viewport = this.querySelector('.scroller')?.getBoundingClientRect();
    if (!viewport) return;
    const isNear = (rect: DOMRect) =>
      rect.bottom > viewport.top - viewport.height && rect.top < viewport.bottom + viewport.height;
    const older = this.querySelector('.older')?.getBoundingClientRect();
    if (older && isNear(older)) void this.thread.loadOlder();
    const gapLine = this.querySelector('.gap')?.getBoundingClientRect();
    if (!gapLine || !isNear(gapLine)) return;
    // From the side of the viewport, so that the messages next to it are complete.
    void this.thread.fillGap(gapLine.top > viewport.top + viewport.height / 2);
  }
}

customElements.define('webchat-thread', WebchatThread);
