import { html, type TemplateResult } from 'lit';
import Close from '@carbon/icons/es/close/16.js';

import type { App } from '../app/app';
import { LightElement } from './store-controller';
import { icon } from './icon';

/**
 * Something that stands over the page until it is closed: a native dialog, so that the focus stays in
 * it and goes back to where it was. Tells `closed`.
 */
export abstract class Modal extends LightElement {
  static override properties = { app: { attribute: false } };

  declare app: App;

  protected abstract readonly heading: string;
  protected abstract content(): TemplateResult;
  /** Beside `modal`: how the dialog looks. */
  protected readonly kind: string = '';

  protected override render() {
    return html`<dialog
      class="modal ${this.kind}"
      aria-labelledby="modal-heading"
      @close=${this.#closed}
      @pointerdown=${this.#pressed}
      @keydown=${this.#key}
    >
      <div class="modal-body">
        <header class="modal-head">
          <h2 id="modal-heading">${this.heading}</h2>
          <button class="quiet" type="button" aria-label="Close" @click=${() => this.close()}>
            ${icon(Close)}
          </button>
        </header>
        <div class="modal-content">${this.content()}</div>
      </div>
    </dialog>`;
  }

  protected override firstUpdated(): void {
    this.dialog?.showModal();
  }

  close(): void {
    this.dialog?.close();
  }

  protected get dialog(): HTMLDialogElement | null {
    return this.querySelector('dialog');
  }

  #closed(): void {
    this.dispatchEvent(new CustomEvent('closed'));
  }

  /** Beside it is the veil, which belongs to the dialog. */
  #pressed(event: PointerEvent): void {
    if (event.target === this.dialog) this.close();
  }

  /** What is behind it does not hear its keys. */
  #key(event: KeyboardEvent): void {
    event.stopPropagation();
  }
}
