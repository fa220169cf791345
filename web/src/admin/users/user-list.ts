import './group-field';

import { html, nothing, type PropertyValues } from 'lit';
import Add from '@carbon/icons/es/add/16.js';
import SearchIcon from '@carbon/icons/es/search/16.js';

import type { AdminApi, UserFilter } from '../../api/admin-api';
import type { AdminUser } from '../../api/types';
import { formatDate } from '../../state/dates';
import { icon } from '../../ui/icon';
import { LightDomElement } from '../../ui/light-dom-element';
import { StoreController } from '../../ui/store-controller';
import { roleWords, userListWords as words } from '../../words/admin';
import { CursorPages } from '../cursor-pages';
import { pagedTable } from '../pager';
import { ROLES } from './roles';

/** Typing pauses of this length start a search. */
const SEARCH_AFTER_MS = 250;

/** The list of users, with its filter, and the dialogs of one user and of a new one. */
export class AdminUsers extends LightDomElement {
  static override properties = {
    api: { attribute: false },
    isAdmin: { attribute: false },
    ownName: { attribute: false },
    openUser: { state: true },
    isAdding: { state: true },
  };

  declare api: AdminApi;
  /** Whether the user may change something. */
  declare isAdmin: boolean;
  /** The name of the signed-in user. */
  declare ownName: string;
  /** The user whose dialog is open. */
  declare openUser: AdminUser | null;
  declare isAdding: boolean;

  readonly #list = new StoreController(this);
  #filter: UserFilter = { search: '', role: '', state: '', group: '' };
  #searchTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #pages = new CursorPages<AdminUser>(async (cursor) => {
    const { users, next_cursor: next } = await this.api.users(this.#filter, cursor);
    return { items: users, next };
  });

  constructor() {
    super();
    this.openUser = null;
    this.isAdding = false;
    this.#list.store = this.#pages.state;
  }

  protected override firstUpdated(_changed: PropertyValues<this>): void {
    void this.#pages.load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#searchTimer);
  }

  protected override render() {
    const isFiltered = Object.values(this.#filter).some((value) => value !== '');
    return html`
      <div class="admin-toolbar">
        <div class="search">
          ${icon(SearchIcon)}
          <input
            type="search"
            aria-label=${words.search()}
            placeholder=${words.search()}
            maxlength="64"
            autocomplete="off"
            @input=${this.#search}
          />
        </div>
        ${this.#select('role', words.role(), [
          ['', words.allRoles()],
          ...ROLES.map((role) => [role, roleWords.name(role)] as const),
        ])}
        ${this.#select('state', words.state(), [
          ['', words.allStates()],
          ['active', words.active()],
          ['disabled', words.disabled()],
        ])}
        <div class="search group">
          <webchat-group-field
            .api=${this.api}
            .fieldId=${'group-filter'}
            .label=${words.group()}
            @change=${this.#filterGroup}
          ></webchat-group-field>
        </div>
        ${
          this.isAdmin
            ? html`<button class="primary" type="button" @click=${this.#openAdd}>
                ${words.add()}${icon(Add)}
              </button>`
            : nothing
        }
      </div>
      ${pagedTable(
        this.#pages,
        words.users(),
        isFiltered ? words.noMatches() : words.none(),
        (users) => this.#table(users),
      )}
      ${this.#dialogs()}
    `;
  }

  #select(name: 'role' | 'state', label: string, options: readonly (readonly [string, string])[]) {
    const change = (event: Event) => {
      const { value } = event.target as HTMLSelectElement;
      this.#filter = { ...this.#filter, [name]: value };
      void this.#pages.restart();
    };
    return html`<select aria-label=${label} @change=${change}>
      ${options.map(([value, text]) => html`<option value=${value}>${text}</option>`)}
    </select>`;
  }

  #table(users: readonly AdminUser[]) {
    return html`<table class="data-table">
      <thead>
        <tr>
          <th scope="col">${words.name()}</th>
          <th scope="col">${words.role()}</th>
          <th scope="col">${words.state()}</th>
          <th scope="col" class="wide-only">${words.lastSignIn()}</th>
          <th scope="col" class="wide-only">${words.added()}</th>
        </tr>
      </thead>
      <tbody>
        ${users.map((user) => this.#row(user))}
      </tbody>
    </table>`;
  }

  #row(user: AdminUser) {
    const { signed_in_at: signedInAt, created_at: createdAt } = user;
    const open = () => {
      void import('./user-panel');
      this.openUser = user;
    };
    return html`<tr>
      <th scope="row">
        <button class="link" type="button" aria-haspopup="dialog" @click=${open}>
          ${user.name}
        </button>
      </th>
      <td>${roleWords.name(user.role)}</td>
      <td>${stateTag(user)}</td>
      <td class="wide-only">
        ${signedInAt === null ? words.never() : formatDate(new Date(signedInAt))}
      </td>
      <td class="wide-only">${formatDate(new Date(createdAt))}</td>
    </tr>`;
  }

  #dialogs() {
    return html`
      ${
        this.openUser === null
          ? nothing
          : html`<webchat-user-panel
              .api=${this.api}
              .isAdmin=${this.isAdmin}
              .ownName=${this.ownName}
              .user=${this.openUser}
              @changed=${() => void this.#pages.load()}
              @closed=${() => (this.openUser = null)}
            ></webchat-user-panel>`
      }
      ${
        this.isAdding
          ? html`<webchat-add-user
              .api=${this.api}
              @changed=${() => void this.#pages.load()}
              @closed=${() => (this.isAdding = false)}
            ></webchat-add-user>`
          : nothing
      }
    `;
  }

  #openAdd(): void {
    void import('./add-user');
    this.isAdding = true;
  }

  #filterGroup(event: Event): void {
    const group = (event.target as HTMLInputElement).value.trim();
    this.#filter = { ...this.#filter, group };
    void this.#pages.restart();
  }

  #search(event: Event): void {
    const search = (event.target as HTMLInputElement).value.trim();
    this.#filter = { ...this.#filter, search };
    clearTimeout(this.#searchTimer);
    this.#searchTimer = setTimeout(() => void this.#pages.restart(), SEARCH_AFTER_MS);
  }
}

/** The state of an account, which colour alone does not tell. */
export function stateTag({ disabled_at: disabledAt }: Pick<AdminUser, 'disabled_at'>) {
  return disabledAt === null
    ? html`<span class="tag green">${words.active()}</span>`
    : html`<span class="tag red">${words.disabled()}</span>`;
}

customElements.define('webchat-admin-users', AdminUsers);
