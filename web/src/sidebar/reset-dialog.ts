import '../ui/dialogs.scss';

import { html } from 'lit';

import { Modal } from '../ui/modal';

/** Asks for confirmation before a conversation is reset, which can't be undone. */
export class ResetDialog extends Modal {
  static override properties = {
    ...Modal.properties,
    conversationId: { attribute: false },
  };

  declare conversationId: string;

  protected readonly heading = 'Clear this conversation?';
  protected override readonly variant = 'small';

  protected content() {
    const title = this.app.conversations.find(this.conversationId)?.title ?? 'New chat';
    return html`<p>
        This deletes all messages of <strong>${title}</strong>, its summary, its system prompt and
        its examples. This can’t be undone.
      </p>
      <div class="modal-buttons">
        <button class="secondary" type="button" autofocus @click=${() => this.close()}>
          Cancel
        </button>
        <button class="danger" type="button" @click=${this.#reset}>Clear</button>
      </div>`;
  }

  #reset(): void {
    this.close();
    void this.app.conversations.reset(this.conversationId);
  }
}

customElements.define('webchat-reset-dialog', ResetDialog);
