import { html, nothing, type PropertyValues } from 'lit';
import Chat from '@carbon/icons/es/chat/16.js';

import './audit/audit-log';
import './models-view';
import './settings-view';
import './users/user-list';

import type { AdminApi } from '../api/admin-api';
import type { AccountStore } from '../state/account/account';
import type { ThemeChoice } from '../state/page/theme';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';
import { themeButton } from '../ui/theme-switch';
import { adminWords as words } from '../words/admin';
import { headerWords } from '../words/shell';
import { loadProblem, skeleton } from './pager';

const VIEWS = ['users', 'audit', 'models', 'settings'] as const;
type View = (typeof VIEWS)[number];

/** The link to a view. Like all addresses, it is relative to the page's `base`. */
function viewLink(view: View): string {
  return `admin#${view}`;
}

/** The admin page: its header, the sign-in if nobody is signed in, and its views. */
export class AdminPage extends LightDomElement {
  static override properties = {
    theme: { attribute: false },
    account: { attribute: false },
    api: { attribute: false },
    isUnreachable: { attribute: false },
    view: { state: true },
  };

  declare theme: ThemeChoice | undefined;
  declare account: AccountStore | undefined;
  declare api: AdminApi | undefined;
  declare isUnreachable: boolean;
  declare view: View;

  readonly #theme = new StoreController(this);
  readonly #account = new StoreController(this);
  readonly #showView = () => (this.view = viewOf(location.hash));

  constructor() {
    super();
    this.isUnreachable = false;
    this.view = viewOf(location.hash);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener('hashchange', this.#showView);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('hashchange', this.#showView);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('theme') && this.theme) this.#theme.store = this.theme;
    if (changed.has('account') && this.account) this.#account.store = this.account.state;
  }

  protected override render() {
    const { theme, account } = this;
    if (!theme || !account) return nothing;
    const { auth, account: user, isSignInShown } = account.state.value;
    if (isSignInShown || (auth === 'optional' && user === null)) return this.#signIn(account);
    return html`<header class="header">
        <a class="skip" href="${viewLink(this.view)}" @click=${this.#skip}>${words.skip()}</a>
        <p class="header-name"><a href="./">${headerWords.product()}</a></p>
        ${user === null ? nothing : html`<span class="admin-user">${user.name}</span>`}
        <a class="back" href="./">${icon(Chat)}<span>${words.openChat()}</span></a>
        ${themeButton(theme)}
      </header>
      <main class="admin-main" id="main" tabindex="-1">${this.#content(account)}</main>`;
  }

  #content(account: AccountStore) {
    const { auth, account: user } = account.state.value;
    if (this.isUnreachable) {
      return loadProblem(words.unreachable(), () => location.reload());
    }
    if (auth === null) return skeleton();
    if (auth === 'none') return this.#refusal(words.noAccounts(), words.noAccountsDetails());
    if (user === null || user.role === 'user') {
      return this.#refusal(words.adminsOnly(), words.adminsOnlyDetails());
    }
    const isAdmin = user.role === 'admin';
    return html`<h1>${words.heading()}</h1>
      ${isAdmin ? nothing : html`<p class="aside">${words.readOnly()}</p>`}
      <nav class="admin-tabs" aria-label=${words.heading()}>
        ${VIEWS.map(
          (view) =>
            html`<a href=${viewLink(view)} aria-current=${view === this.view ? 'page' : nothing}
              >${words.view(view)}</a
            >`,
        )}
      </nav>
      ${this.#view(isAdmin, user.name)}`;
  }

  #view(isAdmin: boolean, ownName: string) {
    const { api } = this;
    switch (this.view) {
      case 'users':
        return html`<webchat-admin-users
          .api=${api}
          .isAdmin=${isAdmin}
          .ownName=${ownName}
        ></webchat-admin-users>`;
      case 'audit':
        return html`<webchat-audit-log .api=${api}></webchat-audit-log>`;
      case 'models':
        return html`<webchat-admin-models .api=${api}></webchat-admin-models>`;
      case 'settings':
        return html`<webchat-admin-settings .api=${api}></webchat-admin-settings>`;
    }
  }

  #refusal(title: string, text: string) {
    return html`<div class="admin-refusal">
      <h1>${title}</h1>
      <p class="aside">${text}</p>
      <a class="primary" href="./">${words.openChat()}</a>
    </div>`;
  }

  /** The sign-in is loaded when it is first shown. */
  #signIn(account: AccountStore) {
    void import('../account/sign-in');
    return html`<webchat-sign-in .account=${account}></webchat-sign-in>`;
  }

  #skip(event: Event): void {
    event.preventDefault();
    this.querySelector<HTMLElement>('#main')?.focus();
  }
}

function viewOf(hash: string): View {
  return VIEWS.find((view) => hash === `#${view}`) ?? 'users';
}

customElements.define('webchat-admin', AdminPage);

declare global {
  interface HTMLElementTagNameMap {
    'webchat-admin': AdminPage;
  }
}
