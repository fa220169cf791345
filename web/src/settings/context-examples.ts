import { html, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import TrashCan from '@carbon/icons/es/trash-can/16.js';

import type { FewShotExample } from '../api/types';
import type { ContextEditor } from '../state/context/context-editor';
import { formatCount } from '../state/numbers';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';

/** The few-shot examples, and the form to add one. */
export class ContextExamples extends LightDomElement {
  static override properties = {
    editor: { attribute: false },
    examples: { attribute: false },
    isAdding: { state: true },
  };

  declare editor: ContextEditor;
  declare examples: readonly FewShotExample[];
  declare isAdding: boolean;

  constructor() {
    super();
    this.isAdding = false;
  }

  protected override render() {
    return html`${
      this.examples.length === 0
        ? nothing
        : html`<ul class="examples">
            ${repeat(
              this.examples,
              (example) => example.example_id,
              (example, index) => this.#example(example, index),
            )}
          </ul>`
    }
    ${this.isAdding ? this.#form() : this.#addButton()}`;
  }

  #example(example: FewShotExample, index: number) {
    const { user_prompt: question, assistant_response: answer } = example;
    const tokens = example.prompt_tokens + example.response_tokens;
    return html`<li>
      <div>
        <p dir="auto"><strong>${question}</strong></p>
        <p dir="auto">${answer}</p>
        <small>${formatCount(tokens, 'token')}</small>
      </div>
      <button
        class="quiet"
        type="button"
        aria-label="Remove example ${index + 1}"
        data-tooltip="Remove"
        @click=${() => this.#remove(example.example_id, index)}
      >
        ${icon(TrashCan)}
      </button>
    </li>`;
  }

  #addButton() {
    return html`<button class="secondary add" type="button" @click=${this.#showForm}>
      Add an example
    </button>`;
  }

  #form() {
    const isSaving = this.editor.state.value.savingPart === 'examples';
    return html`<form class="example-form" @submit=${this.#submit}>
      <label>
        <span>Question</span>
        <textarea name="question" rows="2" required dir="auto"></textarea>
      </label>
      <label>
        <span>Answer</span>
        <textarea name="answer" rows="2" required dir="auto"></textarea>
      </label>
      <div class="buttons">
        <button class="secondary" type="submit" ?disabled=${isSaving}>Add</button>
        <button class="quiet" type="button" @click=${this.#hideForm}>Cancel</button>
      </div>
    </form>`;
  }

  #showForm(): void {
    this.isAdding = true;
    void this.updateComplete.then(() => this.querySelector('textarea')?.focus());
  }

  #hideForm(): void {
    this.isAdding = false;
    void this.updateComplete.then(() => this.querySelector<HTMLElement>('.add')?.focus());
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const [question, answer] = [String(form.get('question')), String(form.get('answer'))];
    if (await this.editor.addExample(question, answer)) this.#hideForm();
  }

  /** Removes an example. Moves the focus to the next one. */
  async #remove(id: string, index: number): Promise<void> {
    await this.editor.removeExample(id);
    await this.updateComplete;
    requestAnimationFrame(() => {
      const buttons = this.querySelectorAll<HTMLElement>('.examples button');
      (buttons[index] ?? buttons[index - 1] ?? this.querySelector<HTMLElement>('.add'))?.focus();
    });
  }
}

customElements.define('webchat-context-examples', ContextExamples);
