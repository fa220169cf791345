import { html, nothing, type PropertyValues } from 'lit';

import { isComposing } from '../ui/composition';
import { LightDomElement } from '../ui/light-dom-element';

let instances = 0;

/** An editable text of the context. A draft is kept when the context is reloaded. */
export class ContextText extends LightDomElement {
  static override properties = {
    label: {},
    text: {},
    discardLabel: { attribute: false },
    isSaving: { attribute: false },
    save: { attribute: false },
    discard: { attribute: false },
    draft: { state: true },
  };

  declare label: string;
  declare text: string;
  /** The label of the button that discards the text. */
  declare discardLabel: string;
  declare isSaving: boolean;
  declare save: (text: string) => Promise<boolean>;
  declare discard: (() => Promise<boolean>) | null;
  /** The edited text; `null` while it is unchanged. */
  declare draft: string | null;

  readonly #id: string;

  constructor() {
    super();
    instances += 1;
    this.#id = `context-text-${instances}`;
    this.draft = null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('text') && this.draft === this.text) this.draft = null;
  }

  protected override render() {
    const isChanged = this.draft !== null && this.draft !== this.text;
    const canSave = isChanged && this.draft?.trim() !== '' && !this.isSaving;
    return html`<form class="context-text" @submit=${this.#submit}>
      <textarea
        id=${this.#id}
        aria-label=${this.label}
        rows="3"
        dir="auto"
        .value=${this.draft ?? this.text}
        @input=${(event: Event) => (this.draft = (event.target as HTMLTextAreaElement).value)}
        @keydown=${this.#handleKeydown}
      ></textarea>
      <div class="buttons">
        <button class="secondary" type="submit" ?disabled=${!canSave}>
          ${this.isSaving ? 'Saving…' : 'Save'}
        </button>
        ${
          isChanged
            ? html`<button class="quiet" type="button" @click=${this.#cancel}>Cancel</button>`
            : nothing
        }
        ${
          this.discard && !isChanged
            ? html`<button class="quiet" type="button" @click=${this.#discard}>
                ${this.discardLabel}
              </button>`
            : nothing
        }
      </div>
    </form>`;
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    const text = this.draft;
    if (text === null || text.trim() === '' || this.isSaving) return;
    const isSaved = await this.save(text);
    if (isSaved && this.draft === text) this.draft = null;
    this.#focusText();
  }

  async #discard(): Promise<void> {
    await this.discard?.();
    this.draft = null;
    this.#focusText();
  }

  #cancel(): void {
    this.draft = null;
    this.#focusText();
  }

  #handleKeydown(event: KeyboardEvent): void {
    if (isComposing(event)) return;
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void this.#submit(event);
  }

  /** Focuses the text, because the pressed button may no longer be rendered. */
  #focusText(): void {
    this.querySelector('textarea')?.focus();
  }
}

customElements.define('webchat-context-text', ContextText);
