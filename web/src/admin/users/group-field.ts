import { html, nothing } from 'lit';

import type { AdminApi } from '../../api/admin-api';
import { LightDomElement } from '../../ui/light-dom-element';

/** Typing pauses of this length load suggestions. */
const SUGGEST_AFTER_MS = 250;

/** A field for the name of a group, which suggests those that users have. */
export class GroupField extends LightDomElement {
  static override properties = {
    api: { attribute: false },
    fieldId: { attribute: false },
    label: { attribute: false },
    suggestions: { state: true },
  };

  declare api: AdminApi;
  /** The id of the input, for a visible label. */
  declare fieldId: string;
  /** The name of a field without a visible label. */
  declare label: string | undefined;
  declare suggestions: readonly string[];

  #timer: ReturnType<typeof setTimeout> | undefined;
  #loads = 0;

  constructor() {
    super();
    this.suggestions = [];
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  protected override render() {
    const list = `${this.fieldId}-suggestions`;
    return html`<input
        id=${this.fieldId}
        name="group"
        maxlength="100"
        autocomplete="off"
        dir="auto"
        list=${list}
        aria-label=${this.label ?? nothing}
        placeholder=${this.label ?? nothing}
        ?required=${this.label === undefined}
        @focus=${() => void this.#suggest('')}
        @input=${this.#input}
      />
      <datalist id=${list}>
        ${this.suggestions.map((name) => html`<option value=${name}></option>`)}
      </datalist>`;
  }

  readonly #input = (event: Event): void => {
    const { value } = event.target as HTMLInputElement;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#suggest(value.trim()), SUGGEST_AFTER_MS);
  };

  async #suggest(search: string): Promise<void> {
    this.#loads += 1;
    const load = this.#loads;
    try {
      const { groups } = await this.api.groups(search);
      if (load === this.#loads) this.suggestions = groups.map(({ name }) => name);
    } catch {
      // The field works without suggestions.
    }
  }
}

customElements.define('webchat-group-field', GroupField);
