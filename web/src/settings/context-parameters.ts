import { html, nothing } from 'lit';

import type { ModelParameters } from '../api/types';
import type { ContextEditor } from '../state/context/context-editor';
import {
  areEqual,
  NUMBER_FIELDS,
  type NumberField,
  parseParameters,
  REASONING_EFFORTS,
} from '../state/context/parameters';
import { LightDomElement } from '../ui/light-dom-element';

/** The form for the model's parameters. The browser validates the numbers. */
export class ContextParameters extends LightDomElement {
  static override properties = {
    editor: { attribute: false },
    parameters: { attribute: false },
    draft: { state: true },
  };

  declare editor: ContextEditor;
  declare parameters: ModelParameters;
  /** The edited parameters; `null` while they are unchanged. */
  declare draft: ModelParameters | null;

  constructor() {
    super();
    this.draft = null;
  }

  protected override render() {
    const isSaving = this.editor.state.value.savingPart === 'parameters';
    const isChanged = this.draft !== null && !areEqual(this.draft, this.parameters);
    return html`<form class="parameters" @submit=${this.#submit} @input=${this.#handleInput}>
      ${NUMBER_FIELDS.map((field) => this.#number(field))} ${this.#effort()}
      <div class="buttons">
        <button class="secondary" type="submit" ?disabled=${!isChanged || isSaving}>
          ${isSaving ? 'Saving…' : 'Save'}
        </button>
        ${
          isChanged
            ? html`<button class="quiet" type="button" @click=${this.#cancel}>Cancel</button>`
            : nothing
        }
      </div>
    </form>`;
  }

  #number({ name, label, hint, min, max, step }: NumberField) {
    return html`<div class="parameter">
      <label for="parameter-${name}">${label}</label>
      <input
        id="parameter-${name}"
        name=${name}
        type="number"
        inputmode="decimal"
        min=${min ?? nothing}
        max=${max ?? nothing}
        step=${step}
        placeholder="server default"
        aria-describedby="hint-${name}"
        .value=${String(this.parameters[name] ?? '')}
      />
      <small id="hint-${name}">${hint}</small>
    </div>`;
  }

  #effort() {
    const selected = this.parameters.reasoning_effort ?? '';
    return html`<div class="parameter">
      <label for="parameter-effort">Reasoning effort</label>
      <select id="parameter-effort" name="reasoning_effort" aria-describedby="hint-effort">
        <option value="" ?selected=${selected === ''}>server default</option>
        ${REASONING_EFFORTS.map(
          (effort) =>
            html`<option value=${effort} ?selected=${selected === effort}>${effort}</option>`,
        )}
      </select>
      <small id="hint-effort">how much the model reasons before it answers</small>
    </div>`;
  }

  #handleInput(): void {
    const form = this.querySelector('form');
    if (form) this.draft = parseParameters(new FormData(form));
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    const parameters = this.draft;
    if (parameters === null) return;
    if (await this.editor.change('parameters', { parameters })) this.draft = null;
  }

  #cancel(): void {
    this.querySelector('form')?.reset();
    for (const { name } of NUMBER_FIELDS) {
      const field = this.querySelector<HTMLInputElement>(`#parameter-${name}`);
      if (field) field.value = String(this.parameters[name] ?? '');
    }
    this.draft = null;
    this.querySelector<HTMLElement>('input')?.focus();
  }
}

customElements.define('webchat-context-parameters', ContextParameters);
