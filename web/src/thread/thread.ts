import { html, nothing, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import ArrowDown from '@carbon/icons/es/arrow--down/16.js';

import './live-announcer';
import '../message/message';

import type { App } from '../app/app';
import { type Row, rows } from '../state/thread/rows';
import type { Thread } from '../state/thread/thread';
import { LightElement, Watch } from '../ui/store-controller';
import { icon } from '../ui/icon';
import { ScrollPlace } from './scroll-anchor';
import { loading, missing, unreadable, welcome } from './empty-states';

/** As many of the newest messages as a screen may show. */
const SEEN_FIRST = 10;

/** The messages of a conversation. Tells `show-context` when the reader asks for the summary. */
export class WebchatThread extends LightElement {
  static override properties = {
    app: { attribute: false },
    thread: { attribute: false },
  };

  declare app: App;
  declare thread: Thread;

  readonly #state = new Watch(this);
  readonly #config = new Watch(this);
  readonly #place = new ScrollPlace(this, () => this.querySelector('.scroller'));
  #target: object | null = null;
  /** The reader's own message that is on its way. */
  #sending: string | null = null;

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#config.store = this.app.config;
    if (changed.has('thread')) {
      this.#state.store = this.thread.state;
      this.#place.atEnd = true;
      this.#target = null;
    }
    this.#followOwn();
  }

  protected override render() {
    return html`
      <div class="scroller" @scroll=${this.#scrolled}>
        <div class="thread">${this.#content()}</div>
      </div>
      ${
        this.#place.atEnd || this.thread.state.value.messages.length === 0
          ? nothing
          : html`<button class="to-end" type="button" @click=${this.#toEnd}>
              ${icon(ArrowDown)}<span>Newest</span>
            </button>`
      }
      <answer-reader .thread=${this.thread}></answer-reader>
    `;
  }

  protected override firstUpdated(): void {
    this.#place.observe(this.querySelector('.thread'));
  }

  protected override updated(): void {
    this.#readNear();
    const { target } = this.thread.state.value;
    if (target === null || target === this.#target) return;
    this.#target = target;
    // When what was asked for has been laid out, and the place of what was there was kept.
    requestAnimationFrame(() => this.#showMessage(target.id));
  }

  /** Who says something wants to see it, and what comes of it. */
  #followOwn(): void {
    const { messages } = this.thread.state.value;
    const sending = messages.findLast(({ status }) => status === 'sending')?.id ?? null;
    if (sending !== null && sending !== this.#sending) this.#place.atEnd = true;
    this.#sending = sending;
  }

  #content() {
    const { phase, messages } = this.thread.state.value;
    switch (phase) {
      case 'new':
        return welcome(this.app);
      case 'loading':
        return loading();
      case 'missing':
        return missing(this.app);
      case 'failed':
        return unreadable(this.app);
      case 'ready':
        return messages.length === 0 ? welcome(this.app) : this.#messages();
    }
  }

  #messages() {
    const all = rows(this.thread.state.value, new Date());
    return html`${this.#older()}
      <ol class="messages" aria-label="Messages">
        ${repeat(
          all,
          (row) => row.key,
          (row, at) => this.#row(row, all.length - 1 - at),
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
        .waits=${following >= SEEN_FIRST && this.#opensAtEnd()}
      ></webchat-message>
      ${
        endsSummary
          ? html`<button class="line" type="button" @click=${this.#showContext}>
              <span>Summary up to here</span>
            </button>`
          : nothing
      }
    </li>`;
  }

  /** Elsewhere the place of what is read depends on how high all is that comes. */
  #opensAtEnd(): boolean {
    return this.#place.atEnd && this.thread.state.value.target === null;
  }

  #editingOf(messageId: string) {
    const { editing } = this.thread.state.value;
    return editing?.messageId === messageId ? editing : null;
  }

  #older() {
    const { nextBefore, reading } = this.thread.state.value;
    if (nextBefore === null) return nothing;
    return html`<p class="older">
      ${
        reading === 'failed'
          ? html`Older messages can’t be read.
              <button class="link" type="button" @click=${() => this.thread.readOlder()}>
                Try again
              </button>`
          : html`<span role="status">${reading === 'older' ? 'Reading older messages…' : ''}</span>`
      }
    </p>`;
  }

  #gap() {
    return html`<button class="line gap" type="button" @click=${() => this.thread.fillGap(false)}>
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
    this.#place.show(key);
    article?.focus({ preventScroll: true });
    this.requestUpdate();
  }

  #toEnd(): void {
    this.#place.toEnd();
    document.querySelector<HTMLElement>('#composer')?.focus();
  }

  #scrolled(): void {
    this.#place.scrolled();
    this.#readNear();
  }

  /** Reads what is missing less than a screen away. */
  #readNear(): void {
    const { reading, nextBefore, gap } = this.thread.state.value;
    if (reading !== 'nothing' || (nextBefore === null && gap === null)) return;
    const seen = this.querySelector('.scroller')?.getBoundingClientRect();
    if (!seen) return;
    const isNear = (place: DOMRect) =>
      place.bottom > seen.top - seen.height && place.top < seen.bottom + seen.height;
    const older = this.querySelector('.older')?.getBoundingClientRect();
    if (older && isNear(older)) void this.thread.readOlder();
    const line = this.querySelector('.gap')?.getBoundingClientRect();
    if (!line || !isNear(line)) return;
    // From the side on which the reader is, so that it is whole where he goes on.
    void this.thread.fillGap(line.top > seen.top + seen.height / 2);
  }
}

customElements.define('webchat-thread', WebchatThread);
