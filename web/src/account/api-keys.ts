import { html, nothing } from 'lit';

import type { AccountApi } from '../api/account-api';
import { errorMessage } from '../api/http';
import type { ApiKey, ApiKeyScope } from '../api/types';
import { formatDate } from '../state/dates';
import { copyText } from '../ui/clipboard';
import { LightDomElement } from '../ui/light-dom-element';
import { apiKeyWords as words } from '../words/account';

const SCOPES: readonly ApiKeyScope[] = ['read', 'chat', 'files', 'export'];
/** Only administrators can have keys with the last one. */
const ADMIN_SCOPES: readonly ApiKeyScope[] = [...SCOPES, 'admin'];
/** The scopes that most programs need. */
const USUAL_SCOPES: ReadonlySet<ApiKeyScope> = new Set(['read', 'chat']);
/** The offered lifetimes of a key, in days. 0 means that it does not expire. */
const LIFETIMES = [30, 90, 365, 0];
const DEFAULT_LIFETIME = 90;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The API keys of the user: a list, and a form for another one. */
export class ApiKeys extends LightDomElement {
  static override properties = {
    api: { attribute: false },
    needsPassword: { attribute: false },
    isAdmin: { attribute: false },
    keys: { state: true },
    secret: { state: true },
    revoking: { state: true },
    problem: { state: true },
    isBusy: { state: true },
  };

  declare api: AccountApi;
  /** Whether a new key needs the user’s password. */
  declare needsPassword: boolean;
  /** Whether the user is an administrator. */
  declare isAdmin: boolean;
  /** `null` until they are loaded. */
  declare keys: readonly ApiKey[] | null;
  /** The secret of the key that was just added. */
  declare secret: string | null;
  /** The id of the key whose revocation the user must confirm. */
  declare revoking: string | null;
  declare problem: string | null;
  declare isBusy: boolean;

  constructor() {
    super();
    this.needsPassword = false;
    this.isAdmin = false;
    this.keys = null;
    this.secret = null;
    this.revoking = null;
    this.problem = null;
    this.isBusy = false;
  }

  protected override firstUpdated(): void {
    void this.#load();
  }

  protected override render() {
    return html`<h3>${words.heading()}</h3>
      <p class="helper-text">${words.about()}</p>
      <p class="field-error" role="alert">${this.problem ?? nothing}</p>
      ${this.#list()} ${this.secret === null ? this.#form() : this.#newSecret(this.secret)}`;
  }

  #list() {
    if (this.keys === null) {
      const tryAgain = html`<button class="link" type="button" @click=${this.#load}>
        ${words.tryAgain()}
      </button>`;
      return this.problem === null ? nothing : tryAgain;
    }
    return html`<ul class="account-list">
      ${this.keys.map((key) => this.#key(key))}
    </ul>`;
  }

  #key({ key_id: id, name, scopes, expires_at: expiry, last_used_at: used }: ApiKey) {
    const facts = [
      scopes.join(', '),
      expiry === null ? words.neverExpires() : words.expiresOn(dateOf(expiry)),
      used === null ? words.neverUsed() : words.usedOn(dateOf(used)),
    ];
    return html`<li>
      <span>${name}<br /><span class="helper-text">${facts.join(' · ')}</span></span>
      ${this.revoking === id ? this.#confirmation(id) : this.#revokeButton(id, name)}
    </li>`;
  }

  #revokeButton(id: string, name: string) {
    return html`<button
      class="quiet"
      type="button"
      @click=${() => this.#confirm(id)}
      aria-label=${words.revokeKey(name)}
    >
      ${words.revoke()}
    </button>`;
  }

  #confirmation(id: string) {
    const cancel = () => {
      this.revoking = null;
    };
    return html`<span class="account-confirmation">
      <span>${words.revokeWarning()}</span>
      <button class="danger small" type="button" @click=${() => this.#revoke(id)}>
        ${words.revoke()}
      </button>
      <button class="quiet" type="button" @click=${cancel}>${words.cancel()}</button>
    </span>`;
  }

  #newSecret(secret: string) {
    const done = () => {
      this.secret = null;
    };
    return html`<div class="new-key" role="group" aria-labelledby="new-key-label">
      <p id="new-key-label">${words.copyNow()}</p>
      <code>${secret}</code>
      <div class="account-buttons">
        <button
          class="primary"
          type="button"
          @click=${(event: Event) => copyText(secret, event.currentTarget)}
        >
          ${words.copy()}
        </button>
        <button class="secondary" type="button" @click=${done}>${words.done()}</button>
      </div>
    </div>`;
  }

  #form() {
    return html`<form class="account-form" @submit=${this.#add}>
      <div class="form-item">
        <label for="key-name">${words.name()}</label>
        <input id="key-name" name="name" maxlength="64" autocomplete="off" required />
      </div>
      <fieldset class="form-item">
        <legend>${words.scopes()}</legend>
        ${(this.isAdmin ? ADMIN_SCOPES : SCOPES).map(
          (scope) =>
            html`<label class="checkbox">
              <input
                type="checkbox"
                name="scopes"
                value=${scope}
                ?checked=${USUAL_SCOPES.has(scope)}
              />
              <span>${words.scope(scope)}</span>
            </label>`,
        )}
      </fieldset>
      <div class="form-item">
        <label for="key-lifetime">${words.lifetime()}</label>
        <select id="key-lifetime" name="lifetime">
          ${LIFETIMES.map(
            (days) =>
              html`<option value=${days} ?selected=${days === DEFAULT_LIFETIME}>
                ${words.days(days)}
              </option>`,
          )}
        </select>
      </div>
      ${this.needsPassword ? this.#passwordField() : nothing}
      <button class="secondary" type="submit" aria-disabled=${this.isBusy ? 'true' : nothing}>
        ${words.add()}
      </button>
    </form>`;
  }

  #passwordField() {
    return html`<div class="form-item">
      <label for="key-password">${words.password()}</label>
      <input
        id="key-password"
        name="password"
        type="password"
        autocomplete="current-password"
        required
      />
    </div>`;
  }

  readonly #load = async () => {
    this.problem = null;
    try {
      this.keys = (await this.api.keys()).keys;
    } catch {
      this.problem = words.loadFailed();
    }
  };

  async #add(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const scopes = ADMIN_SCOPES.filter((scope) => form.getAll('scopes').includes(scope));
    if (scopes.length === 0) {
      this.problem = words.noScope();
      return;
    }
    const days = Number(form.get('lifetime'));
    const expiry = days === 0 ? null : new Date(Date.now() + days * DAY_MS).toISOString();
    const name = String(form.get('name') ?? '');
    await this.#change(async () => {
      const key = { name, scopes, expires_at: expiry, ...this.#password(form) };
      this.secret = (await this.api.addKey(key)).secret;
    });
    if (this.secret !== null) this.querySelector<HTMLElement>('.new-key .primary')?.focus();
  }

  #password(form: FormData): { password?: string } {
    return this.needsPassword ? { password: String(form.get('password') ?? '') } : {};
  }

  #confirm(id: string): void {
    this.revoking = id;
    void this.updateComplete.then(() => this.querySelector<HTMLElement>('.danger')?.focus());
  }

  async #revoke(id: string): Promise<void> {
    await this.#change(() => this.api.revokeKey(id));
    this.revoking = null;
    this.querySelector<HTMLElement>('#key-name')?.focus();
  }

  /** Changes the keys, and loads them again. */
  async #change(request: () => Promise<void>): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    this.problem = null;
    try {
      await request();
      await this.#load();
    } catch (error) {
      this.problem = errorMessage(error);
    } finally {
      this.isBusy = false;
    }
    await this.updateComplete;
  }
}

function dateOf(time: string): string {
  return formatDate(new Date(time));
}

customElements.define('webchat-api-keys', ApiKeys);

declare global {
  interface HTMLElementTagNameMap {
    'webchat-api-keys': ApiKeys;
  }
}
