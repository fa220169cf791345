import { html, nothing, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import ArrowDown from '@carbon/icons/es/arrow--down/16.js';

import './message';

import type { App } from '../app';
import type { Thread, ThreadMessage } from '../state/thread';
import { LightElement, Watch } from './element';
import { icon } from './icon';
import { loading, missing, unreadable, welcome } from './thread-places';

/** A reader this near to the end follows the answer as it grows. */
const NEAR_END_PX = 80;

const LONGEST_ANNOUNCEMENT = 600;

export class WebchatThread extends LightElement {
  static override properties = {
    app: { attribute: false },
    thread: { attribute: false },
    atEnd: { state: true },
    announcement: { state: true },
  };

  declare app: App;
  declare thread: Thread;
  declare atEnd: boolean;
  declare announcement: string;

  readonly #state = new Watch(this);
  readonly #config = new Watch(this);
  readonly #resized = new ResizeObserver(() => this.#follow());
  #answering: string | null = null;
  #isLoadingOlder = false;
  #target: object | null = null;

  constructor() {
    super();
    this.atEnd = true;
    this.announcement = '';
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resized.disconnect();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#config.store = this.app.config;
    if (changed.has('thread')) {
      this.#state.store = this.thread.state;
      this.atEnd = true;
      this.#answering = null;
    }
    this.#announce();
  }

  protected override render() {
    return html`
      <div class="scroller" @scroll=${this.#scrolled}>
        <div class="thread">${this.#content()}</div>
      </div>
      ${
        this.atEnd
          ? nothing
          : html`<button
              class="to-end"
              type="button"
              aria-label="To the newest message"
              @click=${this.#toEnd}
            >
              ${icon(ArrowDown)}
            </button>`
      }
      <div class="visually-hidden" role="status" aria-live="polite">${this.announcement}</div>
    `;
  }

  protected override firstUpdated(): void {
    const thread = this.querySelector('.thread');
    if (thread) this.#resized.observe(thread);
  }

  protected override updated(): void {
    this.#follow();
    const { target } = this.thread.state.value;
    if (target === null || target === this.#target) return;
    this.#target = target;
    requestAnimationFrame(() => {
      this.atEnd = false;
      const article = this.querySelector<HTMLElement>(
        `article[data-id="${CSS.escape(target.id)}"]`,
      );
      article?.scrollIntoView({ block: 'center' });
      article?.focus({ preventScroll: true });
    });
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
        return messages.length === 0 ? welcome(this.app) : this.#messages(messages);
    }
  }

  #messages(messages: readonly ThreadMessage[]) {
    return html`<ol class="messages" aria-label="Messages">
      ${repeat(
        messages,
        (message) => message.id,
        (message) =>
          html`<li><webchat-message .app=${this.app} .message=${message}></webchat-message></li>`,
      )}
    </ol>`;
  }

  /** A screen reader hears an answer once, when it is whole. */
  #announce(): void {
    const { runningTurn, messages } = this.thread.state.value;
    if (runningTurn !== null && this.#answering === null) this.announcement = 'Answering…';
    if (runningTurn === null && this.#answering !== null) {
      const answer = messages.findLast((message) => message.role === 'assistant');
      this.announcement = (answer?.error ?? answer?.content ?? '').slice(0, LONGEST_ANNOUNCEMENT);
    }
    this.#answering = runningTurn;
  }

  #scroller(): HTMLElement | null {
    return this.querySelector('.scroller');
  }

  #follow(): void {
    const scroller = this.#scroller();
    // A welcome that is longer than the screen is read from its beginning.
    if (!this.querySelector('.messages')) return;
    if (scroller && this.atEnd) scroller.scrollTop = scroller.scrollHeight;
  }

  #toEnd(): void {
    this.atEnd = true;
    this.#follow();
    document.querySelector<HTMLElement>('#composer')?.focus();
  }

  #scrolled(): void {
    const scroller = this.#scroller();
    if (!scroller) return;
    const below = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    this.atEnd = below < NEAR_END_PX;
    if (scroller.scrollTop < scroller.clientHeight) void this.#loadOlder(scroller);
  }

  async #loadOlder(scroller: HTMLElement): Promise<void> {
    if (this.#isLoadingOlder || this.thread.state.value.nextBefore === null) return;
    this.#isLoadingOlder = true;
    const fromEnd = scroller.scrollHeight - scroller.scrollTop;
    await this.app.loadOlder();
    this.requestUpdate();
    await this.updateComplete;
    // The reader's place stays: what came stands above it.
    if (!this.atEnd) scroller.scrollTop = scroller.scrollHeight - fromEnd;
    this.#isLoadingOlder = false;
  }
}

customElements.define('webchat-thread', WebchatThread);
