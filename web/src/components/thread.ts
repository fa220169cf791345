import { html, nothing, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import ArrowDown from '@carbon/icons/es/arrow--down/16.js';

import './message';

import type { App } from '../app';
import type { Thread, ThreadMessage } from '../state/thread';
import { LightElement, Watch } from './element';
import { icon } from './icon';

/** A reader this near to the end follows the answer as it grows. */
const NEAR_END_PX = 80;

const LONGEST_ANNOUNCEMENT = 600;

const STARTERS = [
  'Explain how tides work, in three sentences.',
  'Write a short poem about the sea.',
  'Give me a Python function that reverses a string.',
];

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
  }

  #content() {
    const { phase, messages } = this.thread.state.value;
    switch (phase) {
      case 'new':
        return this.#welcome();
      case 'loading':
        return html`<div class="skeleton" role="status" aria-label="Loading the conversation">
          ${[40, 90, 82, 60].map((width) => html`<span class="bar w${width}"></span>`)}
        </div>`;
      case 'missing':
        return this.#dead(
          'This conversation is not here',
          'It was deleted, or it belongs to another browser.',
          html`<button class="primary" type="button" @click=${() => this.app.newChat()}>
            Start a new chat
          </button>`,
        );
      case 'failed':
        return this.#dead(
          'The conversation can’t be read',
          'The server can’t be reached, or has trouble with its storage.',
          html`<button class="primary" type="button" @click=${() => this.app.retry()}>
            Try again
          </button>`,
        );
      case 'ready':
        return messages.length === 0 ? this.#welcome() : this.#messages(messages);
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

  #welcome() {
    const model = this.app.config.value?.model;
    return html`<section class="welcome">
      <h2>What would you like to know?</h2>
      <p>
        ${model ? html`<strong>${model}</strong> answers here. ` : nothing}Your conversations stay
        on this server, and are yours alone.
      </p>
      <ul>
        ${STARTERS.map(
          (text) =>
            html`<li>
              <button type="button" @click=${() => this.app.send(text)}>${text}</button>
            </li>`,
        )}
      </ul>
    </section>`;
  }

  #dead(heading: string, text: string, action: unknown) {
    return html`<section class="dead" role="alert">
      <h2>${heading}</h2>
      <p>${text}</p>
      ${action}
    </section>`;
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
