import { html, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import Add from '@carbon/icons/es/add/16.js';
import TrashCan from '@carbon/icons/es/trash-can/16.js';

import type { FewShotExample } from '../api/types';
import type { ContextEditor } from '../state/context/context-editor';
import type { SettingDraft } from '../state/context/setting-drafts';
import { formatCount } from '../state/numbers';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import { fieldError } from '../ui/notifications/notification';
import { exampleWords as words, settingsWords } from '../words/settings';

/** The few-shot examples, and the form to add one. */
export class Examples extends LightDomElement {
  static override properties = {
    editor: { attribute: false },
    examples: { attribute: false },
    question: { attribute: false },
    answer: { attribute: false },
    isAdding: { state: true },
  };

  declare editor: ContextEditor;
  declare examples: readonly FewShotExample[];
  /** The drafts of a new example. */
  declare question: SettingDraft;
  declare answer: SettingDraft;
  declare isAdding: boolean;

  /** The example that is being removed, with its position. */
  #removed: { id: string; index: number } | null = null;

  constructor() {
    super();
    this.isAdding = false;
  }

  protected override render() {
    const { problem } = this.editor.statusOf('examples');
    const hasDraft = this.question.read() !== null || this.answer.read() !== null;
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
    ${problem === null ? nothing : fieldError('examples-error', problem)}
    ${this.isAdding || hasDraft ? this.#form(hasDraft) : this.#addButton()}`;
  }

  #example(example: FewShotExample, index: number) {
    const { user_prompt: question, assistant_response: answer } = example;
    const tokens = example.prompt_tokens + example.response_tokens;
    return html`<li>
      <div>
        <p dir="auto"><strong>${question}</strong></p>
        <p dir="auto">${answer}</p>
        <p class="helper-text">${formatCount(tokens, 'token')}</p>
      </div>
      <button
        class="quiet"
        type="button"
        aria-label=${words.removeNumber(index + 1)}
        data-tooltip=${words.remove()}
        @click=${() => this.#remove(example.example_id, index)}
      >
        ${icon(TrashCan)}
      </button>
    </li>`;
  }

  #addButton() {
    return html`<button class="quiet add" type="button" @click=${this.#showForm}>
      ${icon(Add)} ${words.add()}
    </button>`;
  }

  #form(hasDraft: boolean) {
    const { isSaving } = this.editor.statusOf('examples');
    return html`<form class="example-form" @submit=${this.#submit}>
      ${this.#text('example-question', words.question(), this.question)}
      ${this.#text('example-answer', words.answer(), this.answer)}
      <div class="save-row">
        <button
          class="primary small"
          type="submit"
          aria-disabled=${isSaving || !this.#isComplete() ? 'true' : nothing}
        >
          ${words.confirm()}
        </button>
        <button class="quiet" type="button" @click=${this.#hideForm}>
          ${settingsWords.cancel()}
        </button>
        <span class="save-state" role="status"
          >${hasDraft ? settingsWords.unsaved() : nothing}</span
        >
      </div>
    </form>`;
  }

  #text(id: string, label: string, draft: SettingDraft) {
    return html`<div class="form-item">
      <label for=${id}>${label}</label>
      <textarea
        id=${id}
        rows="2"
        dir="auto"
        .value=${draft.read() ?? ''}
        @input=${(event: Event) => {
          const { value } = event.target as HTMLTextAreaElement;
          this.isAdding = true;
          draft.write(value === '' ? null : value);
          this.requestUpdate();
        }}
      ></textarea>
    </div>`;
  }

  #isComplete(): boolean {
    return [this.question, this.answer].every((draft) => (draft.read() ?? '').trim() !== '');
  }

  #showForm(): void {
    this.isAdding = true;
    void this.updateComplete.then(() => this.querySelector('textarea')?.focus());
  }

  #hideForm(): void {
    this.question.write(null);
    this.answer.write(null);
    this.isAdding = false;
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>('.add')?.focus());
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    if (!this.#isComplete() || this.editor.statusOf('examples').isSaving) return;
    const [question, answer] = [this.question.read() ?? '', this.answer.read() ?? ''];
    if (await this.editor.addExample(question, answer)) this.#hideForm();
  }

  async #remove(id: string, index: number): Promise<void> {
    this.#removed = { id, index };
    if (!(await this.editor.removeExample(id))) this.#removed = null;
  }

  /** Moves the focus from a removed example to the next one, as soon as it has gone. */
  protected override updated(): void {
    const removed = this.#removed;
    if (removed === null || this.examples.some(({ example_id: id }) => id === removed.id)) return;
    this.#removed = null;
    requestAnimationFrame(() => {
      const { index } = removed;
      const buttons = this.querySelectorAll<HTMLElement>('.examples button');
      (buttons[index] ?? buttons[index - 1] ?? this.querySelector<HTMLElement>('.add'))?.focus();
    });
  }
}

customElements.define('webchat-examples', Examples);
