import { html, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import TrashCan from '@carbon/icons/es/trash-can/16.js';

import type { FewShotExample } from '../api/types';
import type { ContextEditor } from '../state/context/context-editor';
import { LightElement } from '../ui/store-controller';
import { icon } from '../ui/icon';

/** Examples: the list of them, and the form for another one. */
export class ContextExamples extends LightElement {
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
              (example, at) => this.#example(example, at),
            )}
          </ul>`
    }
    ${this.isAdding ? this.#form() : this.#addButton()}`;
  }

  #example(example: FewShotExample, at: number) {
    const { user_prompt: question, assistant_response: answer } = example;
    const tokens = example.prompt_tokens + example.response_tokens;
    return html`<li>
      <div>
        <p dir="auto"><strong>${question}</strong></p>
        <p dir="auto">${answer}</p>
        <small>${tokens} tokens</small>
      </div>
      <button
        class="quiet"
        type="button"
        aria-label="Remove example ${at + 1}"
        title="Remove"
        @click=${() => this.#remove(example.example_id, at)}
      >
        ${icon(TrashCan)}
      </button>
    </li>`;
  }

  #addButton() {
    return html`<button class="secondary add" type="button" @click=${this.#begin}>
      Add an example
    </button>`;
  }

  #form() {
    const isSaving = this.editor.state.value.saving === 'examples';
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
        <button class="quiet" type="button" @click=${this.#end}>Cancel</button>
      </div>
    </form>`;
  }

  #begin(): void {
    this.isAdding = true;
    void this.updateComplete.then(() => this.querySelector('textarea')?.focus());
  }

  #end(): void {
    this.isAdding = false;
    void this.updateComplete.then(() => this.querySelector<HTMLElement>('.add')?.focus());
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const [question, answer] = [String(form.get('question')), String(form.get('answer'))];
    if (await this.editor.addExample(question, answer)) this.#end();
  }

  /** The focus goes to the example that comes into its place. */
  async #remove(id: string, at: number): Promise<void> {
    await this.editor.removeExample(id);
    await this.updateComplete;
    requestAnimationFrame(() => {
      const buttons = this.querySelectorAll<HTMLElement>('.examples button');
      (buttons[at] ?? buttons[at - 1] ?? this.querySelector<HTMLElement>('.add'))?.focus();
    });
  }
}

customElements.define('context-examples', ContextExamples);
