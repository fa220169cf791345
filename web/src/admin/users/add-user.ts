import '../../ui/overlays/dialogs.scss';

import { html, nothing } from 'lit';

import type { AdminApi } from '../../api/admin-api';
import { errorMessage } from '../../api/http';
import type { AccountRole, AddedUser } from '../../api/types';
import { Modal } from '../../ui/overlays/modal';
import { addUserWords as words, roleWords } from '../../words/admin';
import { oneTimePassword } from './one-time-password';
import { ROLES } from './roles';

/** Adds a user. Fires `changed` when the user is added. */
export class AddUser extends Modal {
  static override properties = {
    ...Modal.properties,
    api: { attribute: false },
    added: { state: true },
    problem: { state: true },
    isBusy: { state: true },
  };

  declare api: AdminApi;
  declare added: AddedUser | null;
  declare problem: string | null;
  declare isBusy: boolean;

  protected readonly heading = words.heading();
  protected override readonly variant = 'small';

  constructor() {
    super();
    this.added = null;
    this.problem = null;
    this.isBusy = false;
  }

  protected content() {
    if (this.added !== null) return this.#result(this.added);
    return html`<form id="add-user" class="admin-form" @submit=${this.#add}>
      <div class="form-item">
        <label for="user-name">${words.name()}</label>
        <input id="user-name" name="name" maxlength="64" autocomplete="off" required autofocus />
      </div>
      <div class="form-item">
        <label for="user-role">${words.role()}</label>
        <select id="user-role" name="role">
          ${ROLES.map((role) => html`<option value=${role}>${roleWords.name(role)}</option>`)}
        </select>
        <p class="helper-text">${words.roleHint()}</p>
      </div>
      <label class="checkbox">
        <input type="checkbox" name="service" />
        <span>${words.service()}</span>
      </label>
      <p class="helper-text">${words.passwordHint()}</p>
      <p class="field-error" role="alert">${this.problem ?? nothing}</p>
    </form>`;
  }

  protected override buttons() {
    if (this.added !== null) {
      return html`<button class="secondary" type="button" @click=${() => this.close()}>
        ${words.done()}
      </button>`;
    }
    return html`<button class="secondary" type="button" @click=${() => this.close()}>
        ${words.cancel()}
      </button>
      <button
        class="primary"
        type="submit"
        form="add-user"
        aria-disabled=${this.isBusy ? 'true' : nothing}
      >
        ${words.add()}
      </button>`;
  }

  #result({ name, one_time_password: password }: AddedUser) {
    return html`<p role="status">${words.added(name)}</p>
      ${password === null ? nothing : oneTimePassword(password)}`;
  }

  async #add(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (this.isBusy) return;
    const form = new FormData(event.currentTarget as HTMLFormElement);
    this.isBusy = true;
    this.problem = null;
    try {
      this.added = await this.api.addUser({
        name: String(form.get('name') ?? '').trim(),
        role: String(form.get('role')) as AccountRole,
        service: form.has('service'),
      });
      this.dispatchEvent(new CustomEvent('changed'));
    } catch (error) {
      this.problem = errorMessage(error);
    } finally {
      this.isBusy = false;
    }
    await this.updateComplete;
    if (this.added !== null) {
      this.querySelector<HTMLElement>('.copy-password, .modal-buttons button')?.focus();
    }
  }
}

customElements.define('webchat-add-user', AddUser);
