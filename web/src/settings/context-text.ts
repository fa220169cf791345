import { html, nothing, type PropertyValues } from 'lit';

import { LightElement } from '../ui/store-controller';

let count = 0;

/** A text of the context to be changed. What is being written stays, whatever is read meanwhile. */
export class ContextText extends LightElement {
  static override properties = {
    label: {},
    text: {},
    removal: {},
    isSaving: { attribute: false },
    save: { attribute: false },
    discard: { attribute: false },
    draft: { state: true },
  };

  declare label: string;
  declare text: string;
  /** What removing it is called. */
  declare removal: string;
  declare isSaving: boolean;
  declare save: (text: string) => Promise<boolean>;
  declare discard: (() => Promise<boolean>) | null;
  /** `null` while it is as it was read. */
  declare draft: string | null;

  readonly #id: string;

  constructor() {
    super();
    count += 1;
    this.#id = `context-text-${count}`;
    this.draft = null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('text') && this.draft === this.text) this.draft = null;
  }

  protected override render() {
    const isChanged = this.draft !== null && this.draft !== this.text;
    const canSave = isChanged && this.draft?.trim() !== '' && !this.isSaving;
    return html`<form class="text" @submit=${this.#submit}>
      <textarea
        id=${this.#id}
        aria-label=${this.label}
        rows="3"
        dir="auto"
        .value=${this.draft ?? this.text}
        @input=${(event: Event) => (this.draft = (event.target as HTMLTextAreaElement).value)}
        @keydown=${this.#key}
      ></textarea>
      <div class="buttons">
        <button class="secondary" type="submit" ?disabled=${!canSave}>
          ${this.isSaving ? 'Saving…' : 'Save'}
        </button>
        ${
          isChanged
            ? html`<button class="quiet" type="button" @click=${this.#giveUp}>Cancel</button>`
            : nothing
        }
        ${
          this.discard && !isChanged
            ? html`<button class="quiet" type="button" @click=${this.#remove}>
                ${this.removal}
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
    this.#focus();
  }

  async #remove(): Promise<void> {
    await this.discard?.();
    this.draft = null;
    this.#focus();
  }

  #giveUp(): void {
    this.draft = null;
    this.#focus();
  }

  #key(event: KeyboardEvent): void {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void this.#submit(event);
  }

  /** The button that was pressed may be gone. */
  #focus(): void {
    this.querySelector('textarea')?.focus();
  }
}

customElements.define('context-text', ContextText);
