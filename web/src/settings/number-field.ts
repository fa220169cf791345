import { html, nothing } from 'lit';

import { fieldError } from '../ui/notifications/notification';
import { settingsWords } from '../words/settings';

interface NumberInput {
  id: string;
  label: string;
  help: string;
  /** The number as typed. Empty, the server default applies. */
  text: string;
  problem: string | null;
  inputmode: 'numeric' | 'decimal';
  onedit: (text: string) => void;
}

/** A field for a number: what belongs into its `.form-item`. */
export function numberField({ id, label, help, text, problem, inputmode, onedit }: NumberInput) {
  return html`<label for=${id}>${label}</label>
    <input
      id=${id}
      inputmode=${inputmode}
      autocomplete="off"
      placeholder=${settingsWords.serverDefault()}
      aria-describedby="${id}-help ${problem === null ? '' : `${id}-error`}"
      aria-invalid=${problem === null ? nothing : 'true'}
      .value=${text}
      @input=${(event: Event) => onedit((event.target as HTMLInputElement).value)}
    />
    ${problem === null ? nothing : fieldError(`${id}-error`, problem)}
    <p class="helper-text" id="${id}-help">${help}</p>`;
}
