import { html, nothing, type PropertyValues } from 'lit';

import '../composer/message-field';
import '../ui/notifications/countdown';

import type { App } from '../app/app';
import type { QuestionEdit } from '../state/thread/thread';
import { focusConversation } from '../ui/keyboard/focus';
import { LightDomElement } from '../ui/light-dom-element';
import { editorWords as words } from '../words/composer';
import { messageActionWords, statusWords } from '../words/thread';

/** Edits a question in place. The old version is kept, with its answer. */
export class QuestionEditor extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    edit: { attribute: false },
    text: { state: true },
  };

  declare app: App;
  declare edit: QuestionEdit;
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
      <div class="field">
        <webchat-message-field
          .label=${words.label()}
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
        <button class="primary small" type="submit" ?disabled=${this.#isBlank() || isSent}>
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

  #isBlank(): boolean {
    return this.text.trim() === '';
  }

  #save(event: Event): void {
    event.preventDefault();
    if (this.#isBlank() || this.edit.isSent) return;
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
