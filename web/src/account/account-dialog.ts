import '../ui/overlays/dialogs.scss';
import './account-dialog.scss';
import './api-keys';

import { html, nothing } from 'lit';

import { errorMessage } from '../api/http';
import type { SignedInSession } from '../api/types';
import { formatDate } from '../state/dates';
import { Modal } from '../ui/overlays/modal';
import { accountWords as words, deleteAccountWords, signInWords } from '../words/account';
import { deviceName } from './device';

/** The account of the user: the sessions, the password, the API keys, and its deletion. */
export class AccountDialog extends Modal {
  static override properties = {
    ...Modal.properties,
    sessions: { state: true },
    problem: { state: true },
    passwordProblem: { state: true },
    canChangePassword: { state: true },
    isBusy: { state: true },
  };

  /** `null` until they are loaded. */
  declare sessions: readonly SignedInSession[] | null;
  declare problem: string | null;
  declare passwordProblem: string | null;
  declare canChangePassword: boolean;
  declare isBusy: boolean;

  protected readonly heading = words.heading();

  constructor() {
    super();
    this.sessions = null;
    this.problem = null;
    this.passwordProblem = null;
    this.canChangePassword = false;
    this.isBusy = false;
  }

  protected override firstUpdated(): void {
    super.firstUpdated();
    void this.#load();
    void this.#checkPassword();
  }

  protected content() {
    const { account, isKnownByProxy } = this.app.account.state.value;
    const name = account?.name ?? '';
    return html`<p>${words.signedInAs(name)}</p>
      ${isKnownByProxy ? nothing : this.#sessionSection()}
      ${this.canChangePassword ? this.#passwordSection(name) : nothing}
      <webchat-api-keys
        .api=${this.app.accountApi}
        .needsPassword=${account?.has_password ?? false}
        .isAdmin=${account?.role === 'admin'}
      ></webchat-api-keys>
      <section aria-labelledby="delete-account-heading">
        <h3 id="delete-account-heading">${deleteAccountWords.heading()}</h3>
        <div class="account-form">
          <p class="helper-text">${deleteAccountWords.hint()}</p>
          <button class="danger" type="button" @click=${this.#deleteAccount}>
            ${deleteAccountWords.ask()}
          </button>
        </div>
      </section>`;
  }

  #sessionSection() {
    return html`<section aria-labelledby="sessions-heading">
      <h3 id="sessions-heading">${words.sessions()}</h3>
      ${this.#sessions()}
    </section>`;
  }

  #passwordSection(name: string) {
    return html`<section aria-labelledby="password-heading">
      <h3 id="password-heading">${words.password()}</h3>
      ${this.#passwordForm(name)}
    </section>`;
  }

  #sessions() {
    const problem = html`<p class="field-error" role="alert">${this.problem ?? nothing}</p>`;
    if (this.sessions === null) {
      const tryAgain = html`<button class="link" type="button" @click=${this.#load}>
        ${words.tryAgain()}
      </button>`;
      return html`${problem}${this.problem === null ? nothing : tryAgain}`;
    }
    const hasOthers = this.sessions.length > 1;
    return html`${problem}
      <ul class="account-list">
        ${this.sessions.map((session) => this.#session(session))}
      </ul>
      ${
        hasOthers
          ? html`<button class="secondary" type="button" @click=${this.#endOthers}>
              ${words.endOthers()}
            </button>`
          : nothing
      }`;
  }

  #session({ session_id: id, device, signed_in_at: at, is_current: isCurrent }: SignedInSession) {
    const name = deviceName(device);
    const end = () => this.#change(() => this.app.accountApi.endSession(id));
    return html`<li>
      <span
        >${name}${isCurrent ? html` (${words.thisBrowser()})` : nothing}<br /><span
          class="helper-text"
          >${words.signedInOn(formatDate(new Date(at)))}</span
        ></span
      >
      ${
        isCurrent
          ? nothing
          : html`<button
              class="quiet"
              type="button"
              @click=${end}
              aria-label=${words.endSession(name)}
            >
              ${words.signOut()}
            </button>`
      }
    </li>`;
  }

  #passwordForm(name: string) {
    return html`<form class="account-form" @submit=${this.#changePassword}>
      <input type="text" name="username" autocomplete="username" .value=${name} hidden />
      ${this.#field('current', words.currentPassword(), 'current-password')}
      ${this.#field('new', signInWords.newPassword(), 'new-password')}
      <p class="helper-text">${signInWords.newPasswordHint()} ${words.passwordHint()}</p>
      <p class="field-error" role="alert">${this.passwordProblem ?? nothing}</p>
      <button class="secondary" type="submit" aria-disabled=${this.isBusy ? 'true' : nothing}>
        ${this.isBusy ? words.changing() : words.changePassword()}
      </button>
    </form>`;
  }

  #field(name: string, label: string, autocomplete: string) {
    return html`<div class="form-item">
      <label for="password-${name}">${label}</label>
      <input
        id="password-${name}"
        name=${name}
        type="password"
        autocomplete=${autocomplete}
        required
      />
    </div>`;
  }

  readonly #deleteAccount = () => this.app.dialog.set({ kind: 'delete-account' });

  readonly #endOthers = () => this.#change(() => this.app.accountApi.endOtherSessions());

  readonly #load = async () => {
    this.problem = null;
    try {
      this.sessions = (await this.app.accountApi.sessions()).sessions;
    } catch {
      this.problem = words.loadFailed();
    }
  };

  async #checkPassword(): Promise<void> {
    this.canChangePassword = await this.app.account.canChangePassword();
  }

  async #change(request: () => Promise<void>): Promise<void> {
    try {
      await request();
      await this.#load();
    } catch (error) {
      this.problem = errorMessage(error);
    }
  }

  async #changePassword(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (this.isBusy) return;
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? '');
    this.isBusy = true;
    this.passwordProblem = null;
    try {
      await this.app.account.signIn(text('username'), text('current'), text('new'), false);
    } catch (error) {
      this.isBusy = false;
      this.passwordProblem = errorMessage(error);
    }
  }
}

customElements.define('webchat-account-dialog', AccountDialog);
