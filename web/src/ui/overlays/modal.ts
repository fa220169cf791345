import { html, nothing, type TemplateResult } from 'lit';
import Close from '@carbon/icons/es/close/20.js';

import type { App } from '../../app/app';
import { modalWords } from '../../words/ui';
import { isComposing } from '../keyboard/composition';
import { icon } from '../icon';
import { LightDomElement } from '../light-dom-element';

/**
 * A modal dialog. It is a native `dialog`, which traps the focus and restores it on closing. Fires `closed`
 * when it is closed.
 */
export abstract class Modal extends LightDomElement {
  static override properties = { app: { attribute: false } };

  declare app: App;

  #isClosed = false;

  protected abstract readonly heading: string;
  protected abstract content(): TemplateResult;
  /** The buttons at the foot of the dialog, the primary one last. */
  protected buttons(): TemplateResult | null {
    return null;
  }
  /** An additional CSS class of the dialog. */
  protected readonly variant: string = '';

  protected override render() {
    const buttons = this.buttons();
    return html`<dialog
      class="modal ${this.variant}"
      aria-labelledby="modal-heading"
      @close=${this.#handleClose}
      @pointerdown=${this.#handlePointerDown}
      @keydown=${this.#handleKeydown}
    >
      <div class="modal-body">
        <header class="modal-head">
          <h2 id="modal-heading">${this.heading}</h2>
          <button
            class="quiet"
            type="button"
            aria-label=${modalWords.close()}
            @click=${() => this.close()}
          >
            ${icon(Close)}
          </button>
        </header>
        <div class="modal-content">${this.content()}</div>
        ${buttons === null ? nothing : html`<div class="modal-buttons">${buttons}</div>`}
      </div>
    </dialog>`;
  }

  protected override firstUpdated(): void {
    this.dialog?.showModal();
  }

  /** Closes the dialog at once: the native event follows later, after keys that are meant for the page. */
  close(): void {
    this.dialog?.close();
    this.#handleClose();
  }

  protected get dialog(): HTMLDialogElement | null {
    return this.querySelector('dialog');
  }

  #handleClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.dispatchEvent(new CustomEvent('closed'));
  }

  /** Closes the dialog on a click on the backdrop, which has the dialog itself as its target. */
  #handlePointerDown(event: PointerEvent): void {
    if (event.target === this.dialog) this.close();
  }

  /** Hides key presses from the page behind the dialog. */
  #handleKeydown(event: KeyboardEvent): void {
    event.stopPropagation();
    // The browser closes the list of a field first.
    const isForDialog = !event.defaultPrevented && !(event.target instanceof HTMLSelectElement);
    if (event.key !== 'Escape' || !isForDialog) return;
    event.preventDefault();
    // Escape that ends a composition must not close the dialog.
    if (!isComposing(event)) this.close();
  }
}
