import '../../ui/overlays/dialogs.scss';
import './user-conversations';
import './user-groups';

import { html, nothing } from 'lit';

import { deviceName } from '../../account/device';
import type { AdminApi } from '../../api/admin-api';
import { errorMessage } from '../../api/http';
import type {
  AccountRole,
  AdminUser,
  AdminUserDetails,
  ApiKey,
  SignedInSession,
} from '../../api/types';
import { formatDate } from '../../state/dates';
import { formatNumber } from '../../state/numbers';
import { Modal } from '../../ui/overlays/modal';
import { roleWords, userWords as words } from '../../words/admin';
import { oneTimePassword } from './one-time-password';
import { loadProblem, skeleton } from '../pager';
import { ROLES } from './roles';
import { stateTag } from './user-list';

/** One user: the role, the state, the groups, the sessions, the API keys and the conversations. Fires `changed` after a change. */
export class UserPanel extends Modal {
  static override properties = {
    ...Modal.properties,
    api: { attribute: false },
    isAdmin: { attribute: false },
    ownName: { attribute: false },
    user: { attribute: false },
    details: { state: true },
    loadError: { state: true },
    problem: { state: true },
    isBusy: { state: true },
    isResetting: { state: true },
    isDeleting: { state: true },
    password: { state: true },
  };

  declare api: AdminApi;
  /** Whether the buttons that change something are shown. */
  declare isAdmin: boolean;
  /** The name of the signed-in user, who can’t reset the own password. */
  declare ownName: string;
  declare user: AdminUser;
  /** `null` until they are loaded. */
  declare details: AdminUserDetails | null;
  declare loadError: string | null;
  /** Why the last change failed. */
  declare problem: string | null;
  declare isBusy: boolean;
  /** Whether the panel asks whether to reset the password. */
  declare isResetting: boolean;
  /** Whether the panel asks whether to delete the account. */
  declare isDeleting: boolean;
  /** The generated password, which is shown only once. */
  declare password: string | null;

  protected override readonly variant = 'sheet';

  constructor() {
    super();
    this.details = null;
    this.loadError = null;
    this.problem = null;
    this.isBusy = false;
    this.isResetting = false;
    this.isDeleting = false;
    this.password = null;
  }

  protected get heading(): string {
    return this.user.name;
  }

  protected override firstUpdated(): void {
    super.firstUpdated();
    void this.#load();
  }

  protected content() {
    const { details } = this;
    if (details === null) {
      return this.loadError === null
        ? skeleton()
        : html`${loadProblem(this.loadError, () => void this.#load())}`;
    }
    return html`<p class="field-error" role="alert">${this.problem ?? nothing}</p>
      ${this.#account(details)}
      <webchat-user-groups
        .api=${this.api}
        .isAdmin=${this.isAdmin}
        .userId=${details.user_id}
        .groups=${details.groups}
        @changed=${() => this.dispatchEvent(new CustomEvent('changed'))}
      ></webchat-user-groups>
      ${this.isAdmin && this.user.name !== this.ownName ? this.#passwordSection() : nothing}
      ${this.#sessions(details.sessions)} ${this.#keys(details.keys)}
      ${
        details.conversation_access
          ? html`<webchat-user-conversations
              .api=${this.api}
              .isAdmin=${this.isAdmin}
              .userId=${details.user_id}
            ></webchat-user-conversations>`
          : nothing
      }
      ${this.isAdmin ? this.#deleteSection() : nothing}`;
  }

  #account(details: AdminUserDetails) {
    const { role, disabled_at: disabledAt, created_at: createdAt, signed_in_at: at } = details;
    const isDisabled = disabledAt !== null;
    return html`<section aria-labelledby="user-account">
      <h3 id="user-account">${words.account()}</h3>
      <dl class="facts">
        <div>
          <dt>${words.state()}</dt>
          <dd>${stateTag(details)}</dd>
        </div>
        ${
          this.isAdmin
            ? nothing
            : html`<div>
                <dt>${words.role()}</dt>
                <dd>${roleWords.name(role)}</dd>
              </div>`
        }
        <div>
          <dt>${words.added()}</dt>
          <dd>${dateOf(createdAt)}</dd>
        </div>
        <div>
          <dt>${words.lastSignIn()}</dt>
          <dd>${at === null ? words.never() : dateOf(at)}</dd>
        </div>
        <div>
          <dt>${words.password()}</dt>
          <dd>${words.passwordState(details.has_password, details.must_change_password)}</dd>
        </div>
        <div>
          <dt>${words.chats()}</dt>
          <dd>${formatNumber(details.conversation_count)}</dd>
        </div>
      </dl>
      ${this.isAdmin ? this.#accountForm(details, isDisabled) : nothing}
    </section>`;
  }

  #accountForm({ user_id: id, role }: AdminUserDetails, isDisabled: boolean) {
    const toggle = () => this.#change(() => this.api.changeUser(id, { disabled: !isDisabled }));
    return html`<form
        class="role-form"
        @submit=${(event: SubmitEvent) => this.#saveRole(event, id)}
      >
        <div class="form-item">
          <label for="panel-role">${words.role()}</label>
          <select id="panel-role" name="role">
            ${ROLES.map(
              (value) =>
                html`<option value=${value} .selected=${value === role}>
                  ${roleWords.name(value)}
                </option>`,
            )}
          </select>
        </div>
        <button class="secondary" type="submit" aria-disabled=${this.isBusy ? 'true' : nothing}>
          ${words.saveRole()}
        </button>
      </form>
      <p class="helper-text">${words.roleHint()}</p>
      <div class="admin-buttons">
        <button class=${isDisabled ? 'secondary' : 'danger'} type="button" @click=${toggle}>
          ${isDisabled ? words.enable() : words.disable()}
        </button>
      </div>
      <p class="helper-text">${isDisabled ? words.enableHint() : words.disableHint()}</p>`;
  }

  #passwordSection() {
    return html`<section aria-labelledby="user-password">
      <h3 id="user-password">${words.resetHeading()}</h3>
      ${this.#passwordContent()}
    </section>`;
  }

  #passwordContent() {
    if (this.password !== null) return oneTimePassword(this.password);
    if (!this.isResetting) {
      return html`<button class="secondary" type="button" @click=${() => this.#askReset()}>
        ${words.reset()}
      </button>`;
    }
    return html`<p>${words.resetWarning(this.user.name)}</p>
      <div class="admin-buttons">
        <button class="danger confirm-reset" type="button" @click=${this.#reset}>
          ${words.resetNow()}
        </button>
        <button class="quiet" type="button" @click=${() => (this.isResetting = false)}>
          ${words.cancel()}
        </button>
      </div>`;
  }

  #deleteSection() {
    return html`<section aria-labelledby="user-delete">
      <h3 id="user-delete">${words.deleteHeading()}</h3>
      ${
        this.isDeleting
          ? html`<p>${words.deleteWarning(this.user.name)}</p>
              <div class="admin-buttons">
                <button class="quiet cancel-delete" type="button" @click=${this.#cancelDelete}>
                  ${words.cancel()}
                </button>
                <button class="danger" type="button" @click=${this.#delete}>
                  ${words.deleteNow()}
                </button>
              </div>`
          : html`<button class="danger ask-delete" type="button" @click=${this.#askDelete}>
              ${words.ask()}
            </button>`
      }
    </section>`;
  }

  #sessions(sessions: readonly SignedInSession[]) {
    const { user_id: id } = this.user;
    return html`<section aria-labelledby="user-sessions">
      <h3 id="user-sessions">${words.sessions()}</h3>
      ${sessions.length === 0 ? html`<p class="aside">${words.noSessions()}</p>` : nothing}
      <ul class="admin-list">
        ${sessions.map((session) => this.#session(id, session))}
      </ul>
      ${
        this.isAdmin && sessions.length > 0
          ? html`<button
              class="secondary"
              type="button"
              @click=${() => this.#change(() => this.api.endSessions(id))}
            >
              ${words.endAll()}
            </button>`
          : nothing
      }
    </section>`;
  }

  #session(id: string, session: SignedInSession) {
    const name = deviceName(session.device);
    const end = () => this.#change(() => this.api.endSession(id, session.session_id));
    return html`<li>
      <span
        >${name}<br /><span class="helper-text"
          >${words.sessionDates(dateOf(session.signed_in_at), dateOf(session.expires_at))}</span
        ></span
      >
      ${
        this.isAdmin
          ? html`<button
              class="quiet"
              type="button"
              aria-label=${words.endSession(name)}
              @click=${end}
            >
              ${words.end()}
            </button>`
          : nothing
      }
    </li>`;
  }

  #keys(keys: readonly ApiKey[]) {
    return html`<section aria-labelledby="user-keys">
      <h3 id="user-keys">${words.keys()}</h3>
      ${keys.length === 0 ? html`<p class="aside">${words.noKeys()}</p>` : nothing}
      <ul class="admin-list">
        ${keys.map((key) => this.#key(key))}
      </ul>
    </section>`;
  }

  #key({ key_id: keyId, name, scopes, expires_at: expires, last_used_at: used }: ApiKey) {
    const { user_id: id } = this.user;
    const revoke = () => this.#change(() => this.api.revokeKey(id, keyId));
    return html`<li>
      <span
        ><span dir="auto">${name}</span><br /><span class="helper-text"
          >${scopes.join(', ')} ·
          ${words.keyDates(
            expires === null ? null : dateOf(expires),
            used === null ? null : dateOf(used),
          )}</span
        ></span
      >
      ${
        this.isAdmin
          ? html`<button
              class="quiet"
              type="button"
              aria-label=${words.revokeKey(name)}
              @click=${revoke}
            >
              ${words.revoke()}
            </button>`
          : nothing
      }
    </li>`;
  }

  #saveRole(event: SubmitEvent, id: string): void {
    event.preventDefault();
    const role = new FormData(event.currentTarget as HTMLFormElement).get('role') as AccountRole;
    void this.#change(() => this.api.changeUser(id, { role }));
  }

  #askReset(): void {
    this.isResetting = true;
    void this.updateComplete.then(() => this.querySelector<HTMLElement>('.confirm-reset')?.focus());
  }

  readonly #askDelete = () => {
    this.isDeleting = true;
    // Not the button that deletes.
    void this.#focus('.cancel-delete');
  };

  readonly #cancelDelete = () => {
    this.isDeleting = false;
    void this.#focus('.ask-delete');
  };

  async #focus(selector: string): Promise<void> {
    await this.updateComplete;
    this.querySelector<HTMLElement>(selector)?.focus();
  }

  /** Deletes the account, and closes the panel. */
  readonly #delete = async () => {
    await this.#change(() => this.api.eraseUser(this.user.user_id));
    if (this.problem === null) this.close();
  };

  async #reset(): Promise<void> {
    await this.#change(async () => {
      const { one_time_password: password } = await this.api.resetPassword(this.user.user_id);
      this.password = password;
      this.isResetting = false;
    });
    this.querySelector<HTMLElement>('.copy-password')?.focus();
  }

  async #load(): Promise<void> {
    this.loadError = null;
    try {
      this.details = await this.api.user(this.user.user_id);
    } catch (error) {
      this.loadError = errorMessage(error);
    }
  }

  /** Changes the user, and shows the result. */
  async #change(request: () => Promise<unknown>): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    this.problem = null;
    try {
      await request();
      await this.#load();
      this.dispatchEvent(new CustomEvent('changed'));
    } catch (error) {
      this.problem = errorMessage(error);
    } finally {
      this.isBusy = false;
    }
    await this.updateComplete;
    if (this.problem !== null) this.querySelector('.modal-content')?.scrollTo({ top: 0 });
    // The button with the focus may be gone.
    if (!this.contains(document.activeElement)) {
      this.querySelector<HTMLElement>('.modal-head button')?.focus();
    }
  }
}

function dateOf(time: string): string {
  return formatDate(new Date(time));
}

customElements.define('webchat-user-panel', UserPanel);
