import { html, nothing, type PropertyValues } from 'lit';
import Attachment from '@carbon/icons/es/attachment/16.js';
import Send from '@carbon/icons/es/send--filled/16.js';
import Stop from '@carbon/icons/es/stop--filled--alt/16.js';

import './attachments';
import './model-picker';
import './token-meter';
import './message-field';

import type { App } from '../app/app';
import { MAX_MESSAGE_BYTES, formatSize, jsonBytes } from '../state/composer/sizes';
import {
  acceptAttribute,
  acceptedFiles,
  describeAccepted,
  rejectionOf,
} from '../state/composer/upload-limits';
import type { Thread } from '../state/thread/thread';
import { focusComposer } from '../ui/keyboard/focus';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import { notification } from '../ui/notifications/notification';
import { StoreController } from '../ui/store-controller';
import { composerWords as words, modelWords } from '../words/composer';
import { acceptedFileWords } from '../words/files';
import { ClickGuard } from './click-guard';
import { type FileTransfer, FileDrop, filesIn } from './file-drop';

/** The form for a new message. The text is saved as a draft until it is in the outbox. */
export class WebchatComposer extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    thread: { attribute: false },
    text: { state: true },
    isHeldBack: { state: true },
    isModelMissing: { state: true },
    rejection: { state: true },
    tooLongText: { state: true },
  };

  declare app: App;
  declare thread: Thread;
  declare text: string;
  /** Whether the user tried to send while an answer was being generated. */
  declare isHeldBack: boolean;
  /** Whether the user tried to send while the model of the chat is not available. */
  declare isModelMissing: boolean;
  /** Why a drop or a paste was rejected. */
  declare rejection: string | null;
  /** A text that is too long for a message. The user may attach it as a file. */
  declare tooLongText: string | null;

  readonly #state = new StoreController(this);
  readonly #config = new StoreController(this);
  readonly #editor = new StoreController(this);
  readonly #context = new StoreController(this);
  readonly #clickGuard = new ClickGuard();
  readonly #drop = new FileDrop(this, (transfer) => this.#attach(transfer));

  constructor() {
    super();
    this.text = '';
    this.isHeldBack = false;
    this.isModelMissing = false;
    this.rejection = null;
    this.tooLongText = null;
  }

  /** Puts a text back into the field, before any text that was typed in the meantime. */
  restore(text: string): void {
    this.#change(this.text.trim() === '' ? text : `${text}\n${this.text}`);
    void this.updateComplete.then(() => this.#field()?.focus());
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) {
      this.#config.store = this.app.config;
      this.#editor.store = this.app.contextEditor;
    }
    const editor = this.app.contextEditor.value;
    if (editor) this.#context.store = editor.state;
    if (this.thread.state.value.runningTurn === null) this.isHeldBack = false;
    const previous = changed.get('thread');
    if (!changed.has('thread')) return;
    this.#state.store = this.thread.state;
    const previousText = this.text;
    this.text = this.app.drafts.read(this.thread.conversationId);
    if (this.text === '' && isNewChatAfterNotFound(previous, this.thread)) {
      this.#change(previousText);
    }
    // A new chat stays the same chat when its conversation is created.
    if (previous?.startKey !== this.thread.startKey) this.#clearRejection();
  }

  protected override render() {
    if (this.thread.state.value.phase === 'not-found') return nothing;
    const accepted = acceptedFiles(this.app.config.value);
    const hint = accepted && describeAccepted(accepted);
    return html`<form
      class="composer ${this.#drop.isDraggedOver ? 'dropping' : ''}"
      @submit=${this.#handleSubmit}
      @paste=${this.#handlePaste}
    >
      ${this.#rejectionNote()}
      <webchat-attachments .app=${this.app} .thread=${this.thread}></webchat-attachments>
      <div class="field">
        <button
          class="quiet attach"
          type="button"
          aria-label=${words.attach()}
          aria-description=${hint ?? nothing}
          data-tooltip=${hint === null ? nothing : acceptedFileWords.attach(hint)}
          @click=${() => this.querySelector<HTMLInputElement>('input[type=file]')?.click()}
        >
          ${icon(Attachment)}
        </button>
        <input
          type="file"
          multiple
          hidden
          accept=${accepted === null ? nothing : acceptAttribute(accepted)}
          aria-label=${words.files()}
          @change=${this.#handleFileInput}
        />
        <webchat-message-field
          .label=${words.label()}
          .fieldId=${'composer'}
          .text=${this.text}
          @text-change=${(event: CustomEvent<string>) => this.#change(event.detail)}
          @submit-text=${this.#send}
          @edit-last=${this.#editLast}
        ></webchat-message-field>
        ${this.#sendOrStop()}
      </div>
      <div class="composer-foot">
        ${this.#hint()}
        <div class="composer-settings">
          <webchat-model-picker .app=${this.app} .thread=${this.thread}></webchat-model-picker>
          <webchat-token-meter .app=${this.app} .thread=${this.thread}></webchat-token-meter>
        </div>
      </div>
    </form>`;
  }

  protected override firstUpdated(): void {
    // On a touch screen, the focus would open the keyboard.
    if (!matchMedia('(hover: hover)').matches) return;
    const field = this.#field();
    void field?.updateComplete.then(() => field.focus());
  }

  /** Shows why nothing was sent, or which keys send. */
  #hint() {
    return html`<span class="composer-status" role="status"
      >${
        this.isHeldBack
          ? html`<span class="held-back">${words.waitForAnswer()}</span>`
          : this.isModelMissing && !this.app.canAnswer()
            ? html`<span class="held-back">${modelWords.chooseAnother()}</span>`
            : this.#drop.isDraggedOver
              ? html`<span>${this.#dropHint()}</span>`
              : html`<span class="key-hints"
                  ><kbd>Enter</kbd> ${words.toSend()}, <kbd>Shift</kbd>+<kbd>Enter</kbd>
                  ${words.forNewLine()}</span
                >`
      }</span
    >`;
  }

  #dropHint(): string {
    const accepted = acceptedFiles(this.app.config.value);
    return accepted ? acceptedFileWords.drop(describeAccepted(accepted)) : words.dropFiles();
  }

  /** Renders one button for both actions, so that it keeps the focus when the action changes. */
  #sendOrStop() {
    const isAnswering = this.thread.state.value.runningTurn !== null;
    const name = isAnswering ? words.stop() : words.send();
    this.#clickGuard.show(name, this.querySelector('.send')?.matches(':hover') ?? false);
    return html`<button
      class="send"
      type=${isAnswering ? 'button' : 'submit'}
      aria-label=${name}
      aria-disabled=${!isAnswering && this.#isBlank() ? 'true' : nothing}
      @click=${(event: MouseEvent) => this.#handleClick(event, isAnswering)}
    >
      ${icon(isAnswering ? Stop : Send)}
    </button>`;
  }

  #rejectionNote() {
    const { tooLongText, rejection } = this;
    if (tooLongText === null && rejection === null) return nothing;
    const text =
      tooLongText === null
        ? (rejection ?? '')
        : words.tooLong(formatSize(jsonBytes(tooLongText)), formatSize(MAX_MESSAGE_BYTES));
    return html`<div class="rejection">
      ${notification({
        kind: 'error',
        title: text,
        role: 'alert',
        actions:
          tooLongText === null
            ? undefined
            : html`<button class="quiet" type="button" @click=${this.#attachText}>
                ${words.attachText()}
              </button>`,
        close: () => this.#dismiss(),
      })}
    </div>`;
  }

  #isBlank(): boolean {
    return this.text.trim() === '';
  }

  #change(text: string): void {
    this.text = text;
    this.app.drafts.write(this.thread.conversationId, text);
  }

  #handleSubmit(event: Event): void {
    event.preventDefault();
    this.#send();
    if (matchMedia('(hover: hover)').matches) this.#field()?.focus();
  }

  #send(): void {
    if (this.#isBlank()) return;
    if (this.thread.state.value.runningTurn !== null) {
      this.isHeldBack = true;
      return;
    }
    this.isModelMissing = !this.app.canAnswer();
    if (this.isModelMissing) return;
    const text = this.text;
    if (jsonBytes(text) > MAX_MESSAGE_BYTES) {
      this.tooLongText = text;
      return;
    }
    this.text = '';
    this.#clearRejection();
    this.app.send(text);
  }

  #handleClick(event: MouseEvent, isAnswering: boolean): void {
    if (!this.#clickGuard.accepts(event)) event.preventDefault();
    else if (isAnswering) this.app.stop();
  }

  /** Edits the last question on Arrow up, as in other chats. */
  #editLast(event: Event): void {
    event.preventDefault();
    this.app.turnActions.editLastQuestion();
  }

  #handlePaste(event: ClipboardEvent): void {
    const transfer = filesIn(event.clipboardData);
    const text = event.clipboardData?.getData('text/plain') ?? '';
    // Text copied from a table or a document comes with a picture of it: prefer the text.
    if (text === '' && transfer.files.length + transfer.folders > 0) {
      event.preventDefault();
      this.#attach(transfer);
    } else if (jsonBytes(text) > MAX_MESSAGE_BYTES) {
      event.preventDefault();
      this.tooLongText = text;
    }
  }

  #handleFileInput(event: Event): void {
    const input = event.target as HTMLInputElement;
    this.#attach({ files: [...(input.files ?? [])], folders: 0 });
    // Without this, choosing the same file again would fire no event.
    input.value = '';
  }

  #attach({ files, folders }: FileTransfer): void {
    this.#clearRejection();
    if (folders > 0) {
      this.rejection = words.foldersRefused();
    }
    // Files that the server does not accept must not start a conversation.
    const limits = acceptedFiles(this.app.config.value);
    const reasons = files.map((file) => limits && rejectionOf(file, limits));
    const refusals = reasons.filter((reason) => reason !== null);
    if (refusals.length > 0) this.rejection = refusals.join(' ');
    const accepted = files.filter((_file, index) => reasons[index] === null);
    if (accepted.length > 0) this.app.attach(accepted);
  }

  #attachText(): void {
    const text = this.tooLongText ?? '';
    if (this.text === text) this.#change('');
    this.#attach({ files: [new File([text], 'pasted.txt', { type: 'text/plain' })], folders: 0 });
    focusComposer();
  }

  #dismiss(): void {
    this.#clearRejection();
    focusComposer();
  }

  #clearRejection(): void {
    this.rejection = null;
    this.tooLongText = null;
  }

  #field() {
    return this.querySelector('webchat-message-field');
  }
}

/**
 * Whether a new chat replaces a conversation that was not found. The new chat then keeps the text that was
 * written there.
 */
function isNewChatAfterNotFound(previous: Thread | undefined, current: Thread): boolean {
  return previous?.state.value.phase === 'not-found' && current.conversationId === null;
}

customElements.define('webchat-composer', WebchatComposer);

declare global {
  interface HTMLElementTagNameMap {
    'webchat-composer': WebchatComposer;
  }
}
