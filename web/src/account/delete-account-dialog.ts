import '../ui/overlays/dialogs.scss';
import './account-dialog.scss';

import { html, nothing } from 'lit';

import { EXPORT_ALL_URL } from '../api/conversation-api';
import { errorMessage } from '../api/http';
import { Modal } from '../ui/overlays/modal';
import { deleteAccountWords as words } from '../words/account';

/** Asks for confirmation before the account of the user is deleted, which can't be undone. */
export class DeleteAccountDialog extends Modal {
  static override properties = {
    ...Modal.properties,
    problem: { state: true },
    isBusy: { state: true },
  };

  declare problem: string | null;
  declare isBusy: boolean;

  protected readonly heading = words.heading();
  protected override readonly variant = 'small';

  constructor() {
    super();
    this.problem = null;
    this.isBusy = false;
  }

  protected content() {
    const { account } = this.app.account.state.value;
    return html`<p>${words.removed()}</p>
      <p>${words.remains()}</p>
      <p><a class="link" href=${EXPORT_ALL_URL} download>${words.exportFirst()}</a></p>
      <form id="delete-account" class="account-form" @submit=${this.#delete}>
        ${account?.has_password ? this.#password(account.name) : nothing}
        <p class="field-error" role="alert">${this.problem ?? nothing}</p>
      </form>`;
  }

  #password(name: string) {
    return html`<input type="text" name="username" autocomplete="username" .value=${name} hidden />
      <div class="form-item">
        <label for="delete-password">${words.password()}</label>
        <input
          id="delete-password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
          autofocus
        />
      </div>`;
  }

  protected override buttons() {
    return html`<button class="secondary" type="button" @click=${() => this.close()}>
        ${words.cancel()}
      </button>
      <button
        class="danger"
        type="submit"
        form="delete-account"
        aria-disabled=${this.isBusy ? 'true' : nothing}
      >
        ${this.isBusy ? words.deleting() : words.deleteNow()}
      </button>`;
  }

  async #delete(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (this.isBusy) return;
    const password = new FormData(event.currentTarget as HTMLFormElement).get('password');
    this.isBusy = true;
    this.problem = null;
    try {
      await this.app.account.erase(typeof password === 'string' ? password : null);
    } catch (error) {
      this.isBusy = false;
      this.problem = errorMessage(error);
    }
  }
}

customElements.define('webchat-delete-account-dialog', DeleteAccountDialog);
