import { html, type PropertyValues } from 'lit';
import { ifDefined } from 'lit/directives/if-defined.js';

import { LightElement } from '../ui/store-controller';

const GROWS_BY_ITSELF = CSS.supports('field-sizing', 'content');

/**
 * A field that grows with its text. Tells `write` with each change, `enter` when the text is to be
 * sent, and `leave` when it is not.
 */
export class WritingField extends LightElement {
  static override properties = {
    text: { attribute: false },
    label: {},
    fieldId: { attribute: false },
    isWaiting: { attribute: false },
  };

  declare text: string;
  declare label: string;
  declare fieldId: string | undefined;
  /** It can't be changed, as it is being sent. */
  declare isWaiting: boolean;

  constructor() {
    super();
    this.text = '';
    this.isWaiting = false;
  }

  override focus(): void {
    const field = this.#field();
    if (!field) return;
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }

  protected override render() {
    return html`<textarea
      id=${ifDefined(this.fieldId)}
      rows="1"
      aria-label=${this.label}
      placeholder="Write a message"
      dir="auto"
      enterkeyhint="send"
      ?readonly=${this.isWaiting}
      .value=${this.text}
      @input=${() => this.#written()}
      @keydown=${this.#key}
    ></textarea>`;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('text')) this.#grow();
  }

  #written(): void {
    const text = this.#field()?.value ?? '';
    this.text = text;
    this.dispatchEvent(new CustomEvent('write', { detail: text }));
  }

  #key(event: KeyboardEvent): void {
    if (event.key === 'Escape') this.dispatchEvent(new CustomEvent('leave'));
    // While an input method composes, Enter chooses a word. Safari says so by the key's number only.
    const isComposing = event.isComposing || event.keyCode === 229;
    if (event.key !== 'Enter' || event.shiftKey || isComposing) return;
    event.preventDefault();
    this.dispatchEvent(new CustomEvent('enter'));
  }

  #grow(): void {
    const field = this.#field();
    if (GROWS_BY_ITSELF || !field) return;
    field.style.blockSize = 'auto';
    field.style.blockSize = `${field.scrollHeight}px`;
  }

  #field(): HTMLTextAreaElement | null {
    return this.querySelector('textarea');
  }
}

customElements.define('writing-field', WritingField);

declare global {
  interface HTMLElementTagNameMap {
    'writing-field': WritingField;
  }
}
