import { html, nothing, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import Close from '@carbon/icons/es/close/16.js';
import Document from '@carbon/icons/es/document/16.js';

import type { App } from '../app/app';
import type { Attachment } from '../state/composer/files';
import { formatSize } from '../state/composer/sizes';
import type { Thread } from '../state/thread/thread';
import { focusComposer } from '../ui/keyboard/focus';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';
import { attachmentWords as words } from '../words/files';

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
    return html`<ul class="attachments" aria-label=${words.list()}>
      ${repeat(
        items,
        ({ key }) => key,
        (item) => html`<li class=${item.phase}>${this.#item(item)}</li>`,
      )}
    </ul>`;
  }

  #item(item: Attachment) {
    const isFailed = item.phase === 'failed' || item.phase === 'rejected';
    const remove = isFailed ? words.dismiss() : words.cancel();
    return html`${icon(Document)}
      <span class="file-name" dir="auto" data-tooltip=${item.name} data-tooltip-when="truncated"
        >${item.name}</span
      >
      <span class="file-state" role=${isFailed ? 'alert' : 'status'}>${stateText(item)}</span>
      ${isFailed ? this.#retry(item) : progress(item)}
      <button
        class="quiet"
        type="button"
        aria-label=${words.named(remove, item.name)}
        data-tooltip=${remove}
        data-tooltip-side="start"
        @click=${() => this.#cancel(item.key)}
      >
        ${icon(Close)}
      </button>`;
  }

  /** Nothing, if the same file would be rejected again. */
  #retry({ key, name, isRetryable }: Attachment) {
    if (!isRetryable) return nothing;
    return html`<button
      class="link"
      type="button"
      aria-label=${words.named(words.tryAgain(), name)}
      @click=${() => this.app.files.retry(key)}
    >
      ${words.tryAgain()}
    </button>`;
  }

  #cancel(key: string): void {
    void this.app.files.cancel(key);
    focusComposer();
  }
}

function progress({ phase, name, done, total }: Attachment) {
  return html`<progress
    max=${total || 1}
    value=${phase === 'waiting' ? 0 : done}
    aria-label=${words.progress(name)}
  ></progress>`;
}

function stateText({ phase, done, total, reason }: Attachment): string {
  switch (phase) {
    case 'waiting':
      return words.waiting(formatSize(total));
    case 'sending':
      return words.sending(formatSize(done), formatSize(total));
    case 'running':
      return total > 0 ? words.readingParts(done, total) : words.reading();
    case 'failed':
      return reason ?? words.failed();
    case 'rejected':
      return reason ?? words.rejected();
  }
}

customElements.define('webchat-attachments', WebchatAttachments);
