import { html, nothing, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import Close from '@carbon/icons/es/close/16.js';
import Document from '@carbon/icons/es/document/16.js';

import type { App } from '../app/app';
import type { Attachment } from '../state/composer/files';
import { sizeInWords } from '../state/composer/sizes';
import type { Thread } from '../state/thread/thread';
import { LightElement, Watch } from '../ui/store-controller';
import { toComposer } from '../ui/focus';
import { icon } from '../ui/icon';

/** The files that are on their way into the conversation, above the field. */
export class WebchatAttachments extends LightElement {
  static override properties = { app: { attribute: false }, thread: { attribute: false } };

  declare app: App;
  declare thread: Thread;

  readonly #files = new Watch(this);

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#files.store = this.app.files.items;
  }

  protected override render() {
    const items = this.app.files.of(this.thread.conversationId);
    if (items.length === 0) return nothing;
    return html`<ul class="attachments" aria-label="Files">
      ${repeat(
        items,
        ({ key }) => key,
        (item) => html`<li class=${item.phase}>${this.#item(item)}</li>`,
      )}
    </ul>`;
  }

  #item(item: Attachment) {
    const isOver = item.phase === 'failed' || item.phase === 'refused';
    return html`${icon(Document)}
      <span class="file-name" dir="auto" title=${item.name}>${item.name}</span>
      <span class="file-state" role=${isOver ? 'alert' : 'status'}>${stateInWords(item)}</span>
      ${
        isOver
          ? html`<button
              class="link"
              type="button"
              aria-label="Try again: ${item.name}"
              @click=${() => this.app.files.retry(item.key)}
            >
              Try again
            </button>`
          : html`<progress
              max=${item.of || 1}
              value=${item.phase === 'waiting' ? 0 : item.done}
              aria-label="Progress of ${item.name}"
            ></progress>`
      }
      <button
        class="quiet"
        type="button"
        aria-label="${isOver ? 'Dismiss' : 'Cancel'}: ${item.name}"
        title=${isOver ? 'Dismiss' : 'Cancel'}
        @click=${() => this.#cancel(item.key)}
      >
        ${icon(Close)}
      </button>`;
  }

  #cancel(key: string): void {
    void this.app.files.cancel(key);
    toComposer();
  }
}

function stateInWords({ phase, done, of, reason }: Attachment): string {
  switch (phase) {
    case 'waiting':
      return `waits, ${sizeInWords(of)}`;
    case 'sending':
      return `${sizeInWords(done)} of ${sizeInWords(of)} sent`;
    case 'running':
      return of > 0 ? `${done} of ${of} parts read` : 'is being read';
    case 'failed':
      return reason ?? 'It could not be analysed.';
    case 'refused':
      return reason ?? 'It was refused.';
  }
}

customElements.define('webchat-attachments', WebchatAttachments);
