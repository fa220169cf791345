import { html, nothing, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import Close from '@carbon/icons/es/close/16.js';
import Document from '@carbon/icons/es/document/16.js';

import type { App } from '../app/app';
import type { Attachment } from '../state/composer/files';
import { formatSize } from '../state/composer/sizes';
import type { Thread } from '../state/thread/thread';
import { focusComposer } from '../ui/focus';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';

/** The list of files being uploaded or analysed, above the message field. */
export class WebchatAttachments extends LightDomElement {
  static override properties = { app: { attribute: false }, thread: { attribute: false } };

  declare app: App;
  declare thread: Thread;

  readonly #files = new StoreController(this);

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#files.store = this.app.files.items;
  }

  protected override render() {
    const items = this.app.files.forConversation(
      this.thread.conversationId ?? this.thread.startKey,
    );
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
    const isFailed = item.phase === 'failed' || item.phase === 'rejected';
    return html`${icon(Document)}
      <span class="file-name" dir="auto" data-tooltip=${item.name} data-tooltip-when="truncated"
        >${item.name}</span
      >
      <span class="file-state" role=${isFailed ? 'alert' : 'status'}>${stateText(item)}</span>
      ${
        isFailed && !item.isRetryable
          ? nothing
          : isFailed
            ? html`<button
                class="link"
                type="button"
                aria-label="Try again: ${item.name}"
                @click=${() => this.app.files.retry(item.key)}
              >
                Try again
              </button>`
            : html`<progress
                max=${item.total || 1}
                value=${item.phase === 'waiting' ? 0 : item.done}
                aria-label="Progress of ${item.name}"
              ></progress>`
      }
      <button
        class="quiet"
        type="button"
        aria-label="${isFailed ? 'Dismiss' : 'Cancel'}: ${item.name}"
        data-tooltip=${isFailed ? 'Dismiss' : 'Cancel'}
        @click=${() => this.#cancel(item.key)}
      >
        ${icon(Close)}
      </button>`;
  }

  #cancel(key: string): void {
    void this.app.files.cancel(key);
    focusComposer();
  }
}

function stateText({ phase, done, total, reason }: Attachment): string {
  switch (phase) {
    case 'waiting':
      return `Waiting, ${formatSize(total)}`;
    case 'sending':
      return `${formatSize(done)} of ${formatSize(total)} sent`;
    case 'running':
      return total > 0 ? `${done} of ${total} parts read` : 'Reading…';
    case 'failed':
      return reason ?? 'The file could not be analysed.';
    case 'rejected':
      return reason ?? 'The file was rejected.';
  }
}

customElements.define('webchat-attachments', WebchatAttachments);
