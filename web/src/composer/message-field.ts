import { html, type PropertyValues } from 'lit';
import { ifDefined } from 'lit/directives/if-defined.js';

import { fieldCommand } from '../state/composer/field-keys';
import { isComposing } from '../ui/keyboard/composition';
import { LightDomElement } from '../ui/light-dom-element';
import { hasTouchKeyboard } from '../ui/keyboard/touch-keyboard';
import { composerWords as words } from '../words/composer';

const HAS_FIELD_SIZING = CSS.supports('field-sizing', 'content');

/**
 * A text field that grows with its text. Fires `text-change` on every change, `submit-text` on Enter, `cancel`
 * on Escape and `edit-last` on Arrow up in an empty field. A touch keyboard has no Shift+Enter: there, Enter
 * starts a new line, and a button sends.
 */
export class MessageField extends LightDomElement {
  static override properties = {
    text: { attribute: false },
    label: {},
    placeholder: {},
    fieldId: { attribute: false },
    isReadOnly: { attribute: false },
  };

  declare text: string;
  declare label: string;
  /** The text in an empty field. */
  declare placeholder: string;
  declare fieldId: string | undefined;
  /** Whether the text is read-only, for example while it is being sent. */
  declare isReadOnly: boolean;

  constructor() {
    super();
    this.text = '';
    this.placeholder = words.placeholder();
    this.isReadOnly = false;
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
      placeholder=${this.placeholder}
      dir="auto"
      enterkeyhint=${hasTouchKeyboard() ? 'enter' : 'send'}
      ?readonly=${this.isReadOnly}
      .value=${this.text}
      @input=${() => this.#handleInput()}
      @keydown=${this.#handleKeydown}
    ></textarea>`;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('text')) this.#autosize();
  }

  #handleInput(): void {
    const text = this.#field()?.value ?? '';
    this.text = text;
    this.dispatchEvent(new CustomEvent('text-change', { detail: text }));
  }

  #handleKeydown(event: KeyboardEvent): void {
    if (isComposing(event)) return;
    const name = fieldCommand(event, this.text === '', hasTouchKeyboard());
    if (name === null) return;
    // The page behind handles Escape if nobody cancels anything here.
    const isHandled = !this.dispatchEvent(new CustomEvent(name, { cancelable: true }));
    if (isHandled || name === 'submit-text') event.preventDefault();
  }

  #autosize(): void {
    const field = this.#field();
    if (HAS_FIELD_SIZING || !field) return;
    field.style.blockSize = 'auto';
    field.style.blockSize = `${field.scrollHeight}px`;
  }

  #field(): HTMLTextAreaElement | null {
    return this.querySelector('textarea');
  }
}

customElements.define('webchat-message-field', MessageField);

declare global {
  interface HTMLElementTagNameMap {
    'webchat-message-field': MessageField;
  }
}
