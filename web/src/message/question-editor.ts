import { html, nothing, type PropertyValues } from 'lit';

import '../composer/message-field';
import '../ui/notifications/countdown';

import type { FileJob } from '../api/types';
import type { App } from '../app/app';
import type { QuestionEdit } from '../state/thread/thread';
import { focusConversation } from '../ui/keyboard/focus';
import { LightDomElement } from '../ui/light-dom-element';
import { composerWords, editorWords as words } from '../words/composer';
import { messageActionWords, statusWords } from '../words/thread';

/** Edits a question in place. The old version is kept, with its answer. */
export class QuestionEditor extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    edit: { attribute: false },
    file: { attribute: false },
    text: { state: true },
  };

  declare app: App;
  declare edit: QuestionEdit;
  /** The file that the question is about. Then the text is what the user asks the analysis for. */
  declare file: FileJob | undefined;
  declare text: string;

  protected override willUpdate(changed: PropertyValues<this>): void {
    const previous = changed.get('edit');
    if (changed.has('edit') && previous?.messageId !== this.edit.messageId) {
      this.text = this.edit.text;
    }
  }

  protected override render() {
    const { isSent, problem } = this.edit;
    return html`<form class="editor" @submit=${this.#save}>
      ${this.file ? this.#fileHint() : nothing}
      <div class="field">
        <webchat-message-field
          .label=${this.file ? words.fileLabel() : words.label()}
          .placeholder=${this.file ? '' : composerWords.placeholder()}
          .text=${this.text}
          .isReadOnly=${isSent}
          @text-change=${this.#change}
          @submit-text=${this.#save}
          @cancel=${this.#close}
        ></webchat-message-field>
      </div>
      <div class="editor-buttons">
        ${problem === null ? nothing : html`<span role="alert">${problem.message}</span>`}
        ${problem?.retryAt ? this.#countdown(problem.retryAt) : nothing}
        <button class="quiet" type="button" @click=${this.#discard}>${words.cancel()}</button>
        <button class="primary small" type="submit" ?disabled=${!this.#canSave()}>
          ${words.send()}
        </button>
      </div>
    </form>`;
  }

  protected override firstUpdated(): void {
    if (this.edit.isRestored) return;
    // The field exists only after its component has rendered.
    const field = this.querySelector('webchat-message-field');
    void field?.updateComplete.then(() => field.focus());
  }

  #countdown(retryAt: number) {
    return html`<webchat-countdown
      .until=${retryAt}
      .text=${statusWords.resendsIn}
    ></webchat-countdown>`;
  }

  #change(event: CustomEvent<string>): void {
    this.text = event.detail;
    this.app.turnActions.saveEditDraft(this.text);
    // The page would send the text as it was before.
    const { clientMessageId, problem } = this.edit;
    if (clientMessageId !== null && problem?.retryAt) this.app.retries.cancel(clientMessageId);
  }

  #canSave(): boolean {
    const isBlank = this.text.trim() === '';
    return !this.edit.isSent && (!isBlank || this.file !== undefined);
  }

  /** The field is labelled by its own attribute, so that the label is read only once. */
  #fileHint() {
    return html`<p class="editor-hint">
      <strong aria-hidden="true">${words.fileLabel()}</strong> ${words.fileHint()}
    </p>`;
  }

  #save(event: Event): void {
    event.preventDefault();
    if (!this.#canSave()) return;
    this.app.turnActions.saveEdit(this.text);
    focusConversation();
  }

  /** Closes the editor on Escape: the draft is there when the user edits the question again. */
  #close(event: Event): void {
    event.preventDefault();
    this.#leave(() => this.app.turnActions.closeEdit());
  }

  #discard(): void {
    this.#leave(() => this.app.turnActions.discardEdit());
  }

  /** Moves the focus to the button that opens the editor, once it is rendered again. */
  #leave(close: () => void): void {
    const message = this.closest('webchat-message');
    close();
    const name = CSS.escape(messageActionWords.editQuestion());
    requestAnimationFrame(() =>
      message?.querySelector<HTMLElement>(`[aria-label="${name}"]`)?.focus(),
    );
  }
}

customElements.define('webchat-question-editor', QuestionEditor);
