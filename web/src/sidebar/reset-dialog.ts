import '../ui/overlays/dialogs.scss';

import { html } from 'lit';

import { Modal } from '../ui/overlays/modal';
import { listWords, resetWords as words } from '../words/sidebar';

/** Asks for confirmation before a conversation is reset, which can't be undone. */
export class ResetDialog extends Modal {
  static override properties = {
    ...Modal.properties,
    conversationId: { attribute: false },
  };

  declare conversationId: string;

  protected readonly heading = words.heading();
  protected override readonly variant = 'small';

  protected content() {
    const title = this.app.conversations.find(this.conversationId)?.title ?? listWords.untitled();
    return html`<p>${words.text(title)}</p>`;
  }

  protected override buttons() {
    return html`<button class="secondary" type="button" autofocus @click=${() => this.close()}>
        ${words.cancel()}
      </button>
      <button class="danger" type="button" @click=${this.#reset}>${words.clear()}</button>`;
  }

  #reset(): void {
    this.close();
    void this.app.conversations.reset(this.conversationId);
  }
}

customElements.define('webchat-reset-dialog', ResetDialog);
