import '../ui/dialogs.scss';

import { html, nothing, type PropertyValues } from 'lit';
import Upload from '@carbon/icons/es/upload/16.js';

import { outcomeOf } from '../state/library/imports';
import { Watch } from '../ui/store-controller';
import { icon } from '../ui/icon';
import { Modal } from '../ui/modal';

export class ImportDialog extends Modal {
  static override properties = { ...Modal.properties, isOver: { state: true } };

  /** A file is held over the place where it can be dropped. */
  declare isOver: boolean;

  protected readonly heading = 'Import conversations';
  protected override readonly kind = 'small';

  readonly #state = new Watch(this);

  constructor() {
    super();
    this.isOver = false;
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
        class="drop ${this.isOver ? 'over' : ''}"
        @dragover=${this.#over}
        @dragleave=${() => (this.isOver = false)}
        @drop=${this.#drop}
      >
        <input
          class="visually-hidden"
          type="file"
          accept=".json,application/json"
          ?disabled=${isRunning}
          @change=${this.#chosen}
        />
        ${icon(Upload)}
        <span><strong>Choose a file</strong>, or drop it here</span>
      </label>
      <div class="progress" role="status">${this.#progress()}</div>`;
  }

  #progress() {
    const { phase, fileName, done, of, problem } = this.app.library.imports.state.value;
    switch (phase) {
      case 'idle':
        return nothing;
      case 'failed':
        return html`<p class="problem">${fileName} could not be imported. ${problem}</p>`;
      case 'complete':
        return html`<p class="good">
          ${fileName}: ${outcomeOf(this.app.library.imports.state.value)}
        </p>`;
      default:
        return html`<label>
            <span
              >${phase === 'sending' ? `Sending ${fileName}…` : `${fileName}: ${done} of ${of}`}</span
            >
            ${
              of > 0
                ? html`<progress max=${of} value=${done}></progress>`
                : html`<progress></progress>`
            }
          </label>
          <p class="aside">It goes on if you close this.</p>`;
    }
  }

  #over(event: DragEvent): void {
    event.preventDefault();
    this.isOver = true;
  }

  #drop(event: DragEvent): void {
    event.preventDefault();
    this.isOver = false;
    this.#start(event.dataTransfer?.files);
  }

  #chosen(event: Event): void {
    const input = event.target as HTMLInputElement;
    this.#start(input.files);
    // The same file can be chosen again after it was mended.
    input.value = '';
  }

  #start(files: FileList | null | undefined): void {
    const file = files?.[0];
    if (file) void this.app.library.imports.start(file);
  }
}

customElements.define('import-dialog', ImportDialog);
