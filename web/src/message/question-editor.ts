import { html, nothing, type PropertyValues } from 'lit';

import '../composer/message-field';
import '../ui/countdown';

import type { App } from '../app/app';
import type { QuestionEdit } from '../state/thread/thread';
import { focusConversation } from '../ui/focus';
import { LightDomElement } from '../ui/light-dom-element';
import { statusWords } from '../words/thread';

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
    if (changed.has('edit') && changed.get('edit') === undefined) {
      this.text = this.edit.text;
    }
  }

  protected override render() {
    const { isSent, problem } = this.edit;
    return html`<form class="editor" @submit=${this.#save}>
      <div class="field">
        <webchat-message-field
          label="Question"
          .text=${this.text}
          .isReadOnly=${isSent}
          @text-change=${this.#change}
          @submit-text=${this.#save}
          @cancel=${this.#cancel}
        ></webchat-message-field>
      </div>
      <div class="editor-buttons">
        ${problem === null ? nothing : html`<span role="alert">${problem.message}</span>`}
        ${problem?.retryAt ? this.#countdown(problem.retryAt) : nothing}
        <button class="quiet" type="button" @click=${this.#cancel}>Cancel</button>
        <button class="primary small" type="submit" ?disabled=${this.#isBlank() || isSent}>
          Send
        </button>
      </div>
    </form>`;
  }

  protected override firstUpdated(): void {
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

  #cancel(): void {
    const message = this.closest('webchat-message');
    this.app.turnActions.cancelEdit();
    requestAnimationFrame(() =>
      message?.querySelector<HTMLElement>('[aria-label="Edit question"]')?.focus(),
    );
  }
}

customElements.define('webchat-question-editor', QuestionEditor);
