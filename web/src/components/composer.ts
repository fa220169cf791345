import { html, nothing, type PropertyValues } from 'lit';
import Send from '@carbon/icons/es/send--filled/16.js';
import Stop from '@carbon/icons/es/stop--filled--alt/16.js';

import './token-meter';

import type { App } from '../app';
import type { Thread } from '../state/thread';
import { LightElement, Watch } from './element';
import { icon } from './icon';

/** Where a message is written. What is typed is kept as a draft, until the outbox has it. */
export class WebchatComposer extends LightElement {
  static override properties = {
    app: { attribute: false },
    thread: { attribute: false },
    text: { state: true },
  };

  declare app: App;
  declare thread: Thread;
  declare text: string;

  readonly #state = new Watch(this);

  constructor() {
    super();
    this.text = '';
  }

  /** Puts a text back, before what has been typed since. */
  edit(text: string): void {
    this.#change(this.text.trim() === '' ? text : `${text}\n${this.text}`);
    this.#field()?.focus();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('thread')) return;
    this.#state.store = this.thread.state;
    this.text = this.app.drafts.read(this.thread.conversationId);
  }

  protected override render() {
    const { phase, runningTurn } = this.thread.state.value;
    if (phase === 'missing') return nothing;
    return html`<form class="composer" @submit=${this.#submit}>
      <div class="field">
        <textarea
          id="composer"
          rows="1"
          aria-label="Message"
          placeholder="Write a message"
          dir="auto"
          enterkeyhint="send"
          .value=${this.text}
          @input=${(event: Event) => this.#change((event.target as HTMLTextAreaElement).value)}
          @keydown=${this.#key}
        ></textarea>
        ${
          runningTurn === null
            ? html`<button
                class="send"
                type="submit"
                aria-label="Send"
                ?disabled=${this.#isBlank()}
              >
                ${icon(Send)}
              </button>`
            : html`<button
                class="send"
                type="button"
                aria-label="Stop"
                @click=${() => this.app.stop()}
              >
                ${icon(Stop)}
              </button>`
        }
      </div>
      <div class="under">
        <span class="keys"
          ><kbd>Enter</kbd> sends, <kbd>Shift</kbd>+<kbd>Enter</kbd> breaks the line</span
        >
        <token-meter .app=${this.app} .thread=${this.thread}></token-meter>
      </div>
    </form>`;
  }

  protected override firstUpdated(): void {
    // A touch screen would open its keyboard over the page.
    if (matchMedia('(hover: hover)').matches) this.#field()?.focus();
  }

  #isBlank(): boolean {
    return this.text.trim() === '';
  }

  #change(text: string): void {
    this.text = text;
    this.app.drafts.write(this.thread.conversationId, text);
  }

  #key(event: KeyboardEvent): void {
    // While an input method composes, Enter chooses a word.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void this.#send();
  }

  #submit(event: Event): void {
    event.preventDefault();
    void this.#send();
  }

  async #send(): Promise<void> {
    if (this.#isBlank() || this.thread.state.value.runningTurn !== null) return;
    const text = this.text;
    this.text = '';
    const isUnderWay = await this.app.send(text);
    if (!isUnderWay) this.edit(text);
  }

  #field(): HTMLTextAreaElement | null {
    return this.querySelector('textarea');
  }
}

customElements.define('webchat-composer', WebchatComposer);

declare global {
  interface HTMLElementTagNameMap {
    'webchat-composer': WebchatComposer;
  }
}
