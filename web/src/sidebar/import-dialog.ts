import '../ui/dialogs.scss';

import { html, nothing, type PropertyValues } from 'lit';
import Upload from '@carbon/icons/es/upload/16.js';

import { importSummary } from '../state/library/imports';
import { icon } from '../ui/icon';
import { Modal } from '../ui/modal';
import { StoreController } from '../ui/store-controller';

export class ImportDialog extends Modal {
  static override properties = { ...Modal.properties, isDraggedOver: { state: true } };

  /** A file is dragged over the drop area. */
  declare isDraggedOver: boolean;

  protected readonly heading = 'Import conversations';
  protected override readonly variant = 'small';

  readonly #state = new StoreController(this);

  constructor() {
    super();
    this.isDraggedOver = false;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#state.store = this.app.library.imports.state;
  }

  protected content() {
    const { isRunning } = this.app.library.imports;
    return html`<p>
        From a file that was exported here, a file of the Flask application, or the
        <code>conversations.json</code> of ChatGPT’s export.
      </p>
      <label
        class="drop ${this.isDraggedOver ? 'over' : ''}"
        @dragover=${this.#dragOver}
        @dragleave=${() => (this.isDraggedOver = false)}
        @drop=${this.#drop}
      >
        <input
          class="visually-hidden"
          type="file"
          accept=".json,application/json"
          ?disabled=${isRunning}
          @change=${this.#fileChosen}
        />
        ${icon(Upload)}
        <span><strong>Choose a file</strong>, or drop it here</span>
      </label>
      <div class="progress" role="status">${this.#progress()}</div>`;
  }

  #progress() {
    const { phase, fileName, done, total, problem } = this.app.library.imports.state.value;
    switch (phase) {
      case 'idle':
        return nothing;
      case 'failed':
        return html`<p class="problem">${fileName} could not be imported. ${problem}</p>`;
      case 'complete':
        return html`<p class="success">
          ${fileName}: ${importSummary(this.app.library.imports.state.value)}
        </p>`;
      default:
        return html`<label>
            <span
              >${phase === 'sending' ? `Sending ${fileName}…` : `${fileName}: ${done} of ${total}`}</span
            >
            ${
              total > 0
                ? html`<progress max=${total} value=${done}></progress>`
                : html`<progress></progress>`
            }
          </label>
          <p class="aside">The import continues if you close this dialog.</p>`;
    }
  }

  #dragOver(event: DragEvent): void {
    event.preventDefault();
    this.isDraggedOver = true;
  }

  #drop(event: DragEvent): void {
    event.preventDefault();
    this.isDraggedOver = false;
    this.#start(event.dataTransfer?.files);
  }

  #fileChosen(event: Event): void {
    const input = event.target as HTMLInputElement;
    this.#start(input.files);
    // Allows choosing the same file again after fixing it.
    input.value = '';
  }

  #start(files: FileList | null | undefined): void {
    const file = files?.[0];
    if (file) void this.app.library.imports.start(file);
  }
}

customElements.define('webchat-import-dialog', ImportDialog);
