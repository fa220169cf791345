import { html, nothing, type PropertyValues } from 'lit';

import '../composer/composer';
import './connection-bar';
import './dialogs';
import './header';
import './notice-bar';
import '../sidebar/sidebar';
import '../thread/thread';
import '../ui/notifications/toasts';

import type { App } from '../app/app';
import { isSidebarCollapsed, setSidebarCollapsed } from '../state/page/sidebar';
import type { ThemeChoice } from '../state/page/theme';
import { printConversation } from '../thread/print';
import { isComposing } from '../ui/keyboard/composition';
import { focusConversation } from '../ui/keyboard/focus';
import { LightDomElement } from '../ui/light-dom-element';
import { IS_PHONE, MediaQuery } from '../ui/media-query';
import { StoreController } from '../ui/store-controller';
import { shellWords as words } from '../words/shell';
import { BrowserTab } from './browser-tab';
import { bindShortcuts } from './keyboard';

/** The page's shell: header, sidebar, thread and composer, with toasts and dialogs above them. */
export class WebchatApp extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    theme: { attribute: false },
    isDrawerOpen: { state: true },
    isCollapsed: { state: true },
  };

  declare app: App | undefined;
  declare theme: ThemeChoice | undefined;
  /** Whether the sidebar is open on a phone, where it is a drawer. */
  declare isDrawerOpen: boolean;
  /** Whether the sidebar is a rail on wider screens. */
  declare isCollapsed: boolean;

  readonly #account = new StoreController(this);
  readonly #thread = new StoreController(this);
  readonly #phone = new MediaQuery(this, IS_PHONE, () => (this.isDrawerOpen = false));
  #tab: BrowserTab | null = null;
  #unbindShortcuts: (() => void) | null = null;

  constructor() {
    super();
    this.isDrawerOpen = false;
    this.isCollapsed = isSidebarCollapsed();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || isComposing(event) || !this.isDrawerOpen) return;
      event.preventDefault();
      this.#closeDrawer();
    });
    this.addEventListener('show-context', () => void this.app?.showSettings('context'));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#tab?.dispose();
    this.#unbindShortcuts?.();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.app || !changed.has('app')) return;
    this.#account.store = this.app.account.state;
    this.#thread.store = this.app.thread;
    this.#tab = new BrowserTab(this.app);
    this.#unbindShortcuts = this.#bindShortcuts(this.app);
  }

  protected override render() {
    const { app, theme } = this;
    if (!app || !theme) return nothing;
    if (app.account.state.value.isSignInShown) return this.#signIn(app);
    const thread = app.thread.value;
    const isPhone = this.#phone.matches;
    const isRail = this.isCollapsed && !isPhone;
    return html`
      <a class="skip" href="#main" @click=${this.#skipToConversation}>${words.skip()}</a>
      <webchat-header
        .app=${app}
        .theme=${theme}
        .isSidebarShown=${isPhone ? this.isDrawerOpen : !isRail}
        @toggle-sidebar=${this.#toggleSidebar}
      ></webchat-header>
      <div class="shell ${this.isDrawerOpen ? 'sidebar-open' : ''} ${isRail ? 'with-rail' : ''}">
        <webchat-sidebar
          id="sidebar"
          .app=${app}
          .currentConversationId=${thread.conversationId}
          .isRail=${isRail}
          @navigate=${this.#leaveSidebar}
          @show-search=${this.#focusSearch}
        ></webchat-sidebar>
        <div class="scrim" @click=${this.#closeDrawer}></div>
        <main id="main" tabindex="-1" ?inert=${this.isDrawerOpen}>
          <webchat-thread .app=${app} .thread=${thread}></webchat-thread>
          <div class="bars">
            <webchat-connection-bar .socket=${app.socket}></webchat-connection-bar>
            <webchat-notice-bar .notice=${app.notice}></webchat-notice-bar>
          </div>
          <webchat-composer .app=${app} .thread=${thread}></webchat-composer>
        </main>
      </div>
      <webchat-toasts .toasts=${app.toasts}></webchat-toasts>
      <webchat-dialogs .app=${app}></webchat-dialogs>
    `;
  }

  /** The sign-in is loaded when it is first shown. */
  #signIn(app: App) {
    void import('../account/sign-in');
    return html`<webchat-sign-in .account=${app.account}></webchat-sign-in>`;
  }

  #bindShortcuts(app: App): () => void {
    return bindShortcuts(app, {
      shortcuts: () => app.dialog.set({ kind: 'shortcuts' }),
      search: () => void this.#focusSearch(),
      'new-chat': () => {
        app.newChat();
        void this.#leaveSidebar();
      },
      'focus-composer': () => void this.#leaveSidebar(),
      previous: () => app.openNeighbour(-1),
      next: () => app.openNeighbour(1),
      context: () => void app.showSettings(),
      sidebar: () => this.#toggleSidebar(),
      undo: () => app.conversations.undoDelete(),
      print: () => {
        const id = app.thread.value.conversationId;
        if (id !== null) void printConversation(app, id);
      },
      stop: () => app.stop(),
    });
  }

  async #focusSearch(): Promise<void> {
    // The search needs the whole sidebar, but the user's choice of the rail is kept.
    if (this.#phone.matches) this.isDrawerOpen = true;
    else this.isCollapsed = false;
    await this.updateComplete;
    const sidebar = this.querySelector('webchat-sidebar');
    await sidebar?.updateComplete;
    sidebar?.focusSearch();
  }

  #toggleSidebar(): void {
    if (!this.#phone.matches) this.#setCollapsed(!this.isCollapsed);
    else if (this.isDrawerOpen) this.#closeDrawer();
    else {
      this.isDrawerOpen = true;
      void this.updateComplete.then(() =>
        this.querySelector<HTMLElement>('webchat-sidebar button')?.focus(),
      );
    }
  }

  #setCollapsed(isCollapsed: boolean): void {
    this.isCollapsed = isCollapsed;
    setSidebarCollapsed(isCollapsed);
    // The focused element may not be on the rail.
    const hasFocus = this.querySelector('webchat-sidebar')?.contains(document.activeElement);
    if (hasFocus) this.#focusToggle();
  }

  #closeDrawer(): void {
    if (!this.isDrawerOpen) return;
    this.isDrawerOpen = false;
    this.#focusToggle();
  }

  #focusToggle(): void {
    this.querySelector<HTMLElement>('.sidebar-toggle')?.focus();
  }

  /** Moves from the sidebar to the conversation. */
  async #leaveSidebar(): Promise<void> {
    this.isDrawerOpen = false;
    // The conversation is inert behind an open drawer.
    await this.updateComplete;
    focusConversation();
  }

  #skipToConversation(event: Event): void {
    event.preventDefault();
    focusConversation();
  }
}

customElements.define('webchat-app', WebchatApp);

declare global {
  interface HTMLElementTagNameMap {
    'webchat-app': WebchatApp;
  }
}
