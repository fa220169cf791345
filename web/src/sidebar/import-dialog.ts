import '../ui/overlays/dialogs.scss';

import { html, nothing, type PropertyValues } from 'lit';
import Upload from '@carbon/icons/es/upload/20.js';

import { describeImport } from '../state/conversations/imports';
import { icon } from '../ui/icon';
import { Modal } from '../ui/overlays/modal';
import { notification } from '../ui/notifications/notification';
import { StoreController } from '../ui/store-controller';
import { importWords as words } from '../words/sidebar';

/** The dialog that imports conversations from a file. */
export class ImportDialog extends Modal {
  static override properties = { ...Modal.properties, isDraggedOver: { state: true } };

  /** Whether a file is being dragged over the drop area. */
  declare isDraggedOver: boolean;

  protected readonly heading = words.heading();
  protected override readonly variant = 'small';

  readonly #state = new StoreController(this);

  constructor() {
    super();
    this.isDraggedOver = false;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#state.store = this.app.conversations.imports.state;
  }

  protected content() {
    const { isRunning } = this.app.conversations.imports;
    return html`<p>${words.sources()}</p>
      <label
        class="drop ${this.isDraggedOver ? 'over' : ''}"
        @dragover=${this.#handleDragOver}
        @dragleave=${() => (this.isDraggedOver = false)}
        @drop=${this.#handleDrop}
      >
        <input
          class="visually-hidden"
          type="file"
          accept=".json,.zip,application/json,application/zip"
          ?disabled=${isRunning}
          @change=${this.#handleFileInput}
        />
        ${icon(Upload)}
        <span><strong>${words.choose()}</strong>, ${words.orDrop()}</span>
      </label>
      <div class="progress" role="status">${this.#progress()}</div>`;
  }

  #progress() {
    const { imports } = this.app.conversations;
    const { phase, done, total } = imports.state.value;
    switch (phase) {
      case 'idle':
        return nothing;
      case 'complete':
      case 'failed':
      case 'unknown':
        return html`${notification({
          kind: phase === 'complete' ? 'success' : 'error',
          title: describeImport(imports.state.value),
        })}
        ${this.#leftOut()}`;
      case 'sending':
      case 'running':
        return html`<label>
            <span>${describeImport(imports.state.value)}</span>
            ${
              total > 0
                ? html`<progress max=${total} value=${done}></progress>`
                : html`<progress></progress>`
            }
          </label>
          <p class="helper-text">${words.continues()}</p>`;
    }
  }

  #leftOut() {
    const { leftOut, leftOutReasons } = this.app.conversations.imports.state.value;
    if (leftOut === 0) return nothing;
    return html`<details>
      <summary>${words.leftOut()}</summary>
      <ul>
        ${leftOutReasons.map((reason) => html`<li>${reason}</li>`)}
      </ul>
    </details>`;
  }

  #handleDragOver(event: DragEvent): void {
    event.preventDefault();
    this.isDraggedOver = true;
  }

  #handleDrop(event: DragEvent): void {
    event.preventDefault();
    this.isDraggedOver = false;
    this.#start(event.dataTransfer?.files);
  }

  #handleFileInput(event: Event): void {
    const input = event.target as HTMLInputElement;
    this.#start(input.files);
    // Without this, choosing the same file again, once it is fixed, would fire no event.
    input.value = '';
  }

  #start(files: FileList | null | undefined): void {
    const file = files?.[0];
    if (file) void this.app.conversations.imports.start(file);
  }
}

customElements.define('webchat-import-dialog', ImportDialog);
