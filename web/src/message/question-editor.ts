import { html, nothing, type PropertyValues } from 'lit';

import '../composer/message-field';

import type { App } from '../app/app';
import type { Editing } from '../state/thread/thread';
import { LightElement } from '../ui/store-controller';
import { toComposer } from '../ui/focus';

/** A question that is changed where it stands. Its old version stays, with the answer it had. */
export class QuestionEditor extends LightElement {
  static override properties = {
    app: { attribute: false },
    editing: { attribute: false },
    text: { state: true },
  };

  declare app: App;
  declare editing: Editing;
  declare text: string;

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('editing') && changed.get('editing') === undefined) {
      this.text = this.editing.text;
    }
  }

  protected override render() {
    const { isSent, problem } = this.editing;
    return html`<form class="editor" @submit=${this.#save}>
      <div class="field">
        <writing-field
          label="Question"
          .text=${this.text}
          .isWaiting=${isSent}
          @write=${(event: CustomEvent<string>) => (this.text = event.detail)}
          @enter=${this.#save}
          @leave=${this.#leave}
        ></writing-field>
      </div>
      <div class="editor-buttons">
        ${problem === null ? nothing : html`<span role="alert">${problem.message}</span>`}
        <button class="quiet" type="button" @click=${this.#leave}>Cancel</button>
        <button class="primary small" type="submit" ?disabled=${this.#isBlank() || isSent}>
          Ask again
        </button>
      </div>
    </form>`;
  }

  protected override firstUpdated(): void {
    // The field is its own component, and is there when that has rendered.
    const field = this.querySelector('writing-field');
    void field?.updateComplete.then(() => field.focus());
  }

  #isBlank(): boolean {
    return this.text.trim() === '';
  }

  #save(event: Event): void {
    event.preventDefault();
    if (this.#isBlank() || this.editing.isSent) return;
    this.app.turns.saveEdit(this.text);
    toComposer();
  }

  #leave(): void {
    const message = this.closest('webchat-message');
    this.app.turns.cancelEdit();
    requestAnimationFrame(() =>
      message?.querySelector<HTMLElement>('[aria-label="Edit question"]')?.focus(),
    );
  }
}

customElements.define('question-editor', QuestionEditor);
