import { html, nothing } from 'lit';

import { IDLE, type SaveStatus } from '../state/context/saving';
import type { SettingDraft } from '../state/context/setting-drafts';
import { isComposing } from '../ui/keyboard/composition';
import { focusIfLost } from '../ui/keyboard/focus';
import { LightDomElement } from '../ui/light-dom-element';
import { fieldError } from '../ui/notifications/notification';
import { saveRow } from './save-row';

let instances = 0;

/** A text of the settings with its own “Save”. An unsaved text is kept as a draft. */
export class SettingsText extends LightDomElement {
  static override properties = {
    label: { attribute: false },
    saveLabel: { attribute: false },
    help: { attribute: false },
    text: { attribute: false },
    draft: { attribute: false },
    status: { attribute: false },
    discardLabel: { attribute: false },
    save: { attribute: false },
    discard: { attribute: false },
  };

  declare label: string;
  /** The name of the button “Save”. */
  declare saveLabel: string;
  /** The hint below the label. */
  declare help: string;
  /** The saved text. */
  declare text: string;
  declare draft: SettingDraft;
  declare status: SaveStatus;
  /** The label of the button that discards the saved text. */
  declare discardLabel: string;
  declare save: (text: string) => Promise<boolean>;
  declare discard: (() => Promise<boolean>) | null;

  readonly #id: string;

  constructor() {
    super();
    instances += 1;
    this.#id = `settings-text-${instances}`;
    this.status = IDLE;
    this.discard = null;
  }

  protected override render() {
    const { problem } = this.status;
    const text = this.draft.read() ?? this.text;
    return html`<form class="form-item" @submit=${this.#submit}>
      <label for=${this.#id}>${this.label}</label>
      <textarea
        id=${this.#id}
        rows="3"
        dir="auto"
        aria-describedby="${this.#id}-help ${problem === null ? '' : `${this.#id}-error`}"
        aria-invalid=${problem === null ? nothing : 'true'}
        .value=${text}
        @input=${(event: Event) => this.#edit((event.target as HTMLTextAreaElement).value)}
        @keydown=${this.#handleKeydown}
      ></textarea>
      ${problem === null ? nothing : fieldError(`${this.#id}-error`, problem)}
      <p class="helper-text" id="${this.#id}-help">${this.help}</p>
      ${saveRow({
        label: this.saveLabel,
        isChanged: text !== this.text,
        status: this.status,
        cancel: () => this.#cancel(),
        reset: this.discard && {
          label: this.discardLabel,
          run: () => void this.#discard(),
        },
      })}
    </form>`;
  }

  #edit(text: string): void {
    this.draft.write(text === this.text ? null : text);
    this.requestUpdate();
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    const text = this.draft.read();
    if (text === null || text === this.text || this.status.isSaving) return;
    // A blank text is the default.
    const isBlank = text.trim() === '';
    const isSaved = await (isBlank && this.discard ? this.discard() : this.save(text));
    // Text typed in the meantime is still unsaved.
    if (isSaved && this.draft.read() === text) this.draft.write(null);
    this.requestUpdate();
    this.#focusText();
  }

  async #discard(): Promise<void> {
    await this.discard?.();
    this.draft.write(null);
    this.requestUpdate();
    this.#focusText();
  }

  #cancel(): void {
    this.draft.write(null);
    this.requestUpdate();
    this.#focusText();
  }

  #handleKeydown(event: KeyboardEvent): void {
    if (isComposing(event)) return;
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void this.#submit(event);
  }

  /** Focuses the text if the pressed button is no longer rendered, unless the user has moved on to another field. */
  #focusText(): void {
    focusIfLost(this, 'textarea');
  }
}

customElements.define('webchat-settings-text', SettingsText);
