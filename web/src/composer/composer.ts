import { html, nothing, type PropertyValues } from 'lit';
import Attachment from '@carbon/icons/es/attachment/16.js';
import Send from '@carbon/icons/es/send--filled/16.js';
import Stop from '@carbon/icons/es/stop--filled--alt/16.js';

import './attachments';
import './token-meter';
import './message-field';

import type { App } from '../app/app';
import { LONGEST_MESSAGE_BYTES, messageBytes, sizeInWords } from '../state/composer/sizes';
import type { Thread } from '../state/thread/thread';
import { LightElement, Watch } from '../ui/store-controller';
import { type Dropped, FileDrop, filesIn } from './file-drop';
import { toComposer } from '../ui/focus';
import { icon } from '../ui/icon';

/** Where a message is written. What is typed is kept as a draft, until the outbox has it. */
export class WebchatComposer extends LightElement {
  static override properties = {
    app: { attribute: false },
    thread: { attribute: false },
    text: { state: true },
    refusal: { state: true },
    tooLong: { state: true },
  };

  declare app: App;
  declare thread: Thread;
  declare text: string;
  /** Why what was dropped or pasted was not taken. */
  declare refusal: string | null;
  /** A text that is too long for a message, and may be attached as a file. */
  declare tooLong: string | null;

  readonly #state = new Watch(this);
  readonly #drop = new FileDrop(this, (dropped) => this.#attach(dropped));

  constructor() {
    super();
    this.text = '';
    this.refusal = null;
    this.tooLong = null;
  }

  /** Puts a text back, before what has been typed since. */
  edit(text: string): void {
    this.#change(this.text.trim() === '' ? text : `${text}\n${this.text}`);
    void this.updateComplete.then(() => this.#field()?.focus());
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('thread')) return;
    this.#state.store = this.thread.state;
    const written = this.text;
    this.text = this.app.drafts.read(this.thread.conversationId);
    if (this.text === '' && isNewAfterMissing(changed.get('thread'), this.thread)) {
      this.#change(written);
    }
    this.#settle();
  }

  protected override render() {
    if (this.thread.state.value.phase === 'missing') return nothing;
    return html`<form
      class="composer ${this.#drop.isOver ? 'dropping' : ''}"
      @submit=${this.#submit}
      @paste=${this.#paste}
    >
      ${this.#refused()}
      <webchat-attachments .app=${this.app} .thread=${this.thread}></webchat-attachments>
      <div class="field">
        <button
          class="quiet attach"
          type="button"
          aria-label="Attach files"
          title="Attach files"
          @click=${() => this.querySelector<HTMLInputElement>('input[type=file]')?.click()}
        >
          ${icon(Attachment)}
        </button>
        <input type="file" multiple hidden aria-label="Files" @change=${this.#chosen} />
        <writing-field
          label="Message"
          .fieldId=${'composer'}
          .text=${this.text}
          @write=${(event: CustomEvent<string>) => this.#change(event.detail)}
          @enter=${this.#send}
        ></writing-field>
        ${this.#sendOrStop()}
      </div>
      <div class="under">
        <span class="keys"
          >${
            this.#drop.isOver
              ? 'Drop the files to attach them'
              : html`<kbd>Enter</kbd> sends, <kbd>Shift</kbd>+<kbd>Enter</kbd> breaks the line`
          }</span
        >
        <token-meter .app=${this.app} .thread=${this.thread}></token-meter>
      </div>
    </form>`;
  }

  protected override firstUpdated(): void {
    // A touch screen would open its keyboard over the page.
    if (!matchMedia('(hover: hover)').matches) return;
    const field = this.#field();
    void field?.updateComplete.then(() => field.focus());
  }

  /** One button, so that the focus stays when it turns into the other. */
  #sendOrStop() {
    const isAnswering = this.thread.state.value.runningTurn !== null;
    return html`<button
      class="send"
      type=${isAnswering ? 'button' : 'submit'}
      aria-label=${isAnswering ? 'Stop' : 'Send'}
      title=${isAnswering ? 'Stop' : 'Send'}
      aria-disabled=${!isAnswering && this.#isBlank() ? 'true' : nothing}
      @click=${isAnswering ? this.#stop : nothing}
    >
      ${icon(isAnswering ? Stop : Send)}
    </button>`;
  }

  #refused() {
    const { tooLong, refusal } = this;
    if (tooLong === null && refusal === null) return nothing;
    return html`<div class="ending bad refusal" role="alert">
      <span
        >${
          tooLong === null
            ? refusal
            : `This text has ${sizeInWords(messageBytes(tooLong))}. A message may have ${sizeInWords(LONGEST_MESSAGE_BYTES)}.`
        }</span
      >
      ${
        tooLong === null
          ? nothing
          : html`<button class="link" type="button" @click=${this.#attachText}>
              Attach it as a file
            </button>`
      }
      <button class="link" type="button" @click=${this.#dismiss}>Dismiss</button>
    </div>`;
  }

  #isBlank(): boolean {
    return this.text.trim() === '';
  }

  #change(text: string): void {
    this.text = text;
    this.app.drafts.write(this.thread.conversationId, text);
  }

  #submit(event: Event): void {
    event.preventDefault();
    void this.#send();
    if (matchMedia('(hover: hover)').matches) this.#field()?.focus();
  }

  async #send(): Promise<void> {
    if (this.#isBlank() || this.thread.state.value.runningTurn !== null) return;
    const text = this.text;
    if (messageBytes(text) > LONGEST_MESSAGE_BYTES) {
      this.tooLong = text;
      return;
    }
    this.text = '';
    this.#settle();
    const isUnderWay = await this.app.send(text);
    if (!isUnderWay) this.edit(text);
  }

  #stop(): void {
    this.app.stop();
  }

  #paste(event: ClipboardEvent): void {
    const dropped = filesIn(event.clipboardData);
    const text = event.clipboardData?.getData('text/plain') ?? '';
    // What is copied from a table or a text comes with a picture of it: the text is meant.
    if (text === '' && dropped.files.length + dropped.folders > 0) {
      event.preventDefault();
      this.#attach(dropped);
    } else if (messageBytes(text) > LONGEST_MESSAGE_BYTES) {
      event.preventDefault();
      this.tooLong = text;
    }
  }

  #chosen(event: Event): void {
    const input = event.target as HTMLInputElement;
    this.#attach({ files: [...(input.files ?? [])], folders: 0 });
    // So that the same file can be chosen again.
    input.value = '';
  }

  #attach({ files, folders }: Dropped): void {
    this.#settle();
    if (folders > 0) {
      this.refusal =
        'Folders can’t be attached. Choose the files in them instead, several at a time if you like.';
    }
    if (files.length > 0) void this.app.attach(files);
  }

  #attachText(): void {
    const text = this.tooLong ?? '';
    if (this.text === text) this.#change('');
    this.#attach({ files: [new File([text], 'pasted.txt', { type: 'text/plain' })], folders: 0 });
    toComposer();
  }

  #dismiss(): void {
    this.#settle();
    toComposer();
  }

  #settle(): void {
    this.refusal = null;
    this.tooLong = null;
  }

  #field() {
    return this.querySelector('writing-field');
  }
}

/** What was being written in a conversation that was deleted elsewhere goes along to a new one. */
function isNewAfterMissing(before: Thread | undefined, now: Thread): boolean {
  return before?.state.value.phase === 'missing' && now.conversationId === null;
}

customElements.define('webchat-composer', WebchatComposer);

declare global {
  interface HTMLElementTagNameMap {
    'webchat-composer': WebchatComposer;
  }
}
