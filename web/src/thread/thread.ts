import { html, nothing, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import ArrowDown from '@carbon/icons/es/arrow--down/16.js';

import './live-announcer';
import '../message/message';

import type { App } from '../app/app';
import { firstRowOfLastScreen, type Row, toRows } from '../state/thread/rows';
import type { Thread } from '../state/thread/thread';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import { focusConversation } from '../ui/keyboard/focus';
import { StoreController } from '../ui/store-controller';
import { threadWords } from '../words/thread';
import { loadingSkeleton, notFound, loadFailed, welcome } from './empty-states';
import { ScrollAnchor } from './scroll-anchor';

/** The area of a screen per character of a text, with its margins, in square pixels. */
const PX2_PER_CHARACTER = 250;
/** About the width of the messages on a wide screen. */
const MAX_WIDTH_PX = 768;

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
  readonly #models = new StoreController(this);
  readonly #lastChoice = new StoreController(this);
  readonly #scroll = new ScrollAnchor(this, () => this.querySelector('.scroller'));
  #shownTarget: object | null = null;
  #followedSent: object | null = null;

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) {
      this.#config.store = this.app.config;
      this.#models.store = this.app.models.list;
      this.#lastChoice.store = this.app.models.lastChoice;
    }
    if (changed.has('thread')) {
      this.#state.store = this.thread.state;
      this.#scroll.restart();
      this.#shownTarget = null;
    }
    this.#followSentMessage();
  }

  protected override render() {
    return html`
      <div class="scroller" @scroll=${this.#handleScroll}>
        <div class="thread" @hold-scroll=${() => this.#scroll.hold()}>${this.#content()}</div>
      </div>
      ${
        this.#scroll.isFollowing || this.thread.state.value.messages.length === 0
          ? nothing
          : html`<button
              class="jump-to-end"
              type="button"
              aria-label=${threadWords.jumpToLatest()}
              @click=${this.#jumpToEnd}
            >
              ${icon(ArrowDown)}
            </button>`
      }
      <webchat-live-announcer .app=${this.app} .thread=${this.thread}></webchat-live-announcer>
    `;
  }

  protected override firstUpdated(): void {
    this.#scroll.observe(this.querySelector('.thread'));
  }

  protected override updated(): void {
    if (this.#canLoadMore()) {
      // The messages are rendered after their list.
      requestAnimationFrame(() => {
        this.#scroll.follow();
        this.#loadNearby();
      });
    }
    const { target } = this.thread.state.value;
    if (target === null || target === this.#shownTarget) return;
    this.#shownTarget = target;
    requestAnimationFrame(() => this.#showMessage(target.id));
  }

  /** Scrolls to the end when the user sends a message. It may be accepted before the next frame. */
  #followSentMessage(): void {
    const { sent } = this.thread.state.value;
    if (sent === this.#followedSent) return;
    this.#followedSent = sent;
    this.#scroll.isFollowing = true;
  }

  #content() {
    const { phase, loadProblem, reloadAt, messages } = this.thread.state.value;
    switch (phase) {
      case 'new':
        return welcome(this.app);
      case 'loading':
        return loadingSkeleton();
      case 'not-found':
        return notFound(this.app);
      case 'failed':
        return loadFailed(this.app, loadProblem ?? '', reloadAt);
      case 'ready':
        return messages.length === 0 ? welcome(this.app) : this.#messages();
    }
  }

  #messages() {
    const rows = toRows(this.thread.state.value, new Date());
    const firstVisible = this.#isOpenedAtEnd()
      ? firstRowOfLastScreen(rows, charactersPerScreen())
      : 0;
    return html`${this.#older()}
      <ol class="messages" aria-label=${threadWords.messages()}>
        ${repeat(
          rows,
          (row) => row.key,
          (row, index) => this.#row(row, index === rows.length - 1, index < firstVisible),
        )}
      </ol>`;
  }

  #row(
    { key, message, dateHeading, isAfterUnloadedRange, isLastSummarised }: Row,
    isLast: boolean,
    isDeferred: boolean,
  ) {
    return html`<li data-key=${key}>
      ${isAfterUnloadedRange ? this.#unloadedRange() : nothing}
      ${dateHeading === null ? nothing : html`<p class="date"><span>${dateHeading}</span></p>`}
      <webchat-message
        .app=${this.app}
        .thread=${this.thread}
        .message=${message}
        .isLast=${isLast}
        .isBusy=${this.thread.state.value.runningTurn !== null}
        .edit=${this.#editOf(message.id)}
        .deferred=${isDeferred}
      ></webchat-message>
      ${
        isLastSummarised
          ? html`<button class="divider" type="button" @click=${this.#showContext}>
              <span>${threadWords.summary()}</span>
            </button>`
          : nothing
      }
    </li>`;
  }

  /** Whether older messages may be rendered later: only at the end do they not move the visible ones. */
  #isOpenedAtEnd(): boolean {
    return this.#scroll.isFollowing && this.thread.state.value.target === null;
  }

  #editOf(messageId: string) {
    const { edit } = this.thread.state.value;
    return edit?.messageId === messageId ? edit : null;
  }

  #older() {
    const { nextBefore, pageLoad } = this.thread.state.value;
    if (nextBefore === null) return nothing;
    return html`<p class="older">
      ${
        pageLoad === 'failed'
          ? html`${threadWords.olderFailed()}
              <button class="link" type="button" @click=${() => this.thread.loadOlder()}>
                ${threadWords.tryAgain()}
              </button>`
          : html`<span role="status"
              >${pageLoad === 'older' ? threadWords.loadingOlder() : ''}</span
            >`
      }
    </p>`;
  }

  #unloadedRange() {
    return html`<button
      class="divider unloaded-range"
      type="button"
      @click=${() => this.thread.loadUnloadedPage(false)}
    >
      <span>${threadWords.showBetween()}</span>
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
    focusConversation();
  }

  #handleScroll(): void {
    this.#scroll.handleScroll();
    this.#loadNearby();
  }

  #canLoadMore(): boolean {
    const { pageLoad, nextBefore, unloadedRange } = this.thread.state.value;
    return pageLoad === 'idle' && (nextBefore !== null || unloadedRange !== null);
  }

  /** Loads missing messages that are less than a screen away. */
  #loadNearby(): void {
    if (!this.#canLoadMore()) return;
    const viewport = this.querySelector('.scroller')?.getBoundingClientRect();
    if (!viewport) return;
    const isNear = (rect: DOMRect) =>
      rect.bottom > viewport.top - viewport.height && rect.top < viewport.bottom + viewport.height;
    const older = this.querySelector('.older')?.getBoundingClientRect();
    if (older && isNear(older)) void this.thread.loadOlder();
    const rangeDivider = this.querySelector('.unloaded-range')?.getBoundingClientRect();
    if (!rangeDivider || !isNear(rangeDivider)) return;
    // Load from the side that is nearer to the viewport.
    void this.thread.loadUnloadedPage(rangeDivider.top > viewport.top + viewport.height / 2);
  }
}

/** The number of characters of text that fit on the screen, roughly. */
function charactersPerScreen(): number {
  return (Math.min(innerWidth, MAX_WIDTH_PX) * innerHeight) / PX2_PER_CHARACTER;
}

customElements.define('webchat-thread', WebchatThread);
