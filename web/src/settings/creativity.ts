import { html, nothing } from 'lit';

import type { ModelParameters } from '../api/types';
import type { ContextEditor } from '../state/context/context-editor';
import {
  areEqual,
  NUMBER_FIELDS,
  type NumberField,
  type ParameterTexts,
  parseDraft,
  parseParameters,
  type ParsedParameters,
  REASONING_EFFORTS,
  textsOf,
} from '../state/context/parameters';
import type { SettingDraft } from '../state/context/setting-drafts';
import { LightDomElement } from '../ui/light-dom-element';
import { fieldError } from '../ui/notifications/notification';
import { creativityWords as words, settingsWords } from '../words/settings';
import { numberField } from './number-field';
import { saveRow } from './save-row';

/** The form for the sampling parameters. All but the temperature are folded. */
export class Creativity extends LightDomElement {
  static override properties = {
    editor: { attribute: false },
    parameters: { attribute: false },
    draft: { attribute: false },
    problems: { state: true },
  };

  declare editor: ContextEditor;
  declare parameters: ModelParameters;
  declare draft: SettingDraft;
  declare problems: ParsedParameters['problems'];

  constructor() {
    super();
    this.problems = {};
  }

  protected override render() {
    const status = this.editor.statusOf('parameters');
    const saved = textsOf(this.parameters);
    const texts = this.#draftTexts() ?? saved;
    const [temperature, ...advanced] = NUMBER_FIELDS;
    const isUnfolded = advanced.some(({ name }) => texts[name]) || !!texts.reasoning_effort;
    return html`<form class="creativity" novalidate @submit=${this.#submit}>
      ${this.#number(temperature, texts)}
      <details ?open=${isUnfolded}>
        <summary>${words.advanced()}</summary>
        <div class="advanced">
          ${advanced.map((field) => this.#number(field, texts))} ${this.#effort(texts)}
        </div>
      </details>
      ${status.problem === null ? nothing : fieldError('creativity-error', status.problem)}
      ${saveRow({ label: words.save(), isChanged: !areEqual(texts, saved), status, cancel: () => this.#cancel() })}
    </form>`;
  }

  #number({ name, label, help }: NumberField, texts: ParameterTexts) {
    return html`<div class="form-item">
      ${numberField({
        id: `parameter-${name}`,
        label: label(),
        help: help(),
        text: texts[name] ?? '',
        problem: this.problems[name] ?? null,
        inputmode: 'decimal',
        onedit: (text) => this.#edit(name, text),
      })}
    </div>`;
  }

  #effort(texts: ParameterTexts) {
    const selected = texts.reasoning_effort ?? '';
    return html`<div class="form-item">
      <label for="parameter-effort">${words.effort()}</label>
      <select
        id="parameter-effort"
        aria-describedby="parameter-effort-help"
        .value=${selected}
        @change=${(event: Event) =>
          this.#edit('reasoning_effort', (event.target as HTMLSelectElement).value)}
      >
        <option value="" ?selected=${selected === ''}>${settingsWords.serverDefault()}</option>
        ${REASONING_EFFORTS.map(
          (effort) =>
            html`<option value=${effort} ?selected=${selected === effort}>${effort}</option>`,
        )}
      </select>
      <p class="helper-text" id="parameter-effort-help">${words.effortHelp()}</p>
    </div>`;
  }

  #draftTexts(): ParameterTexts | null {
    return parseDraft(this.draft.read());
  }

  #edit(name: keyof ModelParameters, text: string): void {
    const saved = textsOf(this.parameters);
    const texts = { ...(this.#draftTexts() ?? saved), [name]: text };
    this.draft.write(areEqual(texts, saved) ? null : JSON.stringify(texts));
    this.problems = { ...this.problems, [name]: undefined };
    this.requestUpdate();
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    const draft = this.draft.read();
    if (draft === null || this.editor.statusOf('parameters').isSaving) return;
    const { parameters, problems } = parseParameters(this.#draftTexts() ?? {});
    this.problems = problems;
    if (Object.keys(problems).length > 0) {
      await this.updateComplete;
      this.querySelector<HTMLElement>('[aria-invalid]')?.focus();
      return;
    }
    const isSaved = await this.editor.change('parameters', { parameters });
    if (isSaved && this.draft.read() === draft) this.draft.write(null);
    this.requestUpdate();
  }

  #cancel(): void {
    this.draft.write(null);
    this.problems = {};
    this.requestUpdate();
    this.querySelector<HTMLElement>('input')?.focus();
  }
}

customElements.define('webchat-creativity', Creativity);
