import { html, nothing, type PropertyValues } from 'lit';

import '../composer/composer';
import './connection-bar';
import './dialogs';
import './header';
import './notice-bar';
import '../sidebar/sidebar';
import '../thread/thread';
import '../ui/toasts';

import type { App } from '../app/app';
import type { ThemeChoice } from '../state/page/theme';
import { isComposing } from '../ui/composition';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';
import { BrowserTab } from './browser-tab';
import { bindShortcuts } from './keyboard';

/** The page's shell: header, sidebar, thread and composer, with toasts and dialogs above them. */
export class WebchatApp extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    theme: { attribute: false },
    isSidebarOpen: { state: true },
  };

  declare app: App | undefined;
  declare theme: ThemeChoice | undefined;
  declare isSidebarOpen: boolean;

  readonly #thread = new StoreController(this);
  #tab: BrowserTab | null = null;
  #unbindShortcuts: (() => void) | null = null;

  constructor() {
    super();
    this.isSidebarOpen = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !isComposing(event)) this.#closeSidebar();
    });
    this.addEventListener('show-context', () => void this.app?.showContext());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#tab?.dispose();
    this.#unbindShortcuts?.();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.app || !changed.has('app')) return;
    this.#thread.store = this.app.thread;
    this.#tab = new BrowserTab(this.app);
    this.#unbindShortcuts = this.#bindShortcuts(this.app);
  }

  protected override render() {
    const { app, theme } = this;
    if (!app || !theme) return nothing;
    const thread = app.thread.value;
    return html`
      <a class="skip" href="#main" @click=${this.#skipToConversation}>Skip to the conversation</a>
      <webchat-header
        .app=${app}
        .theme=${theme}
        .isSidebarOpen=${this.isSidebarOpen}
        @toggle-sidebar=${this.#toggleSidebar}
      ></webchat-header>
      <div class="shell ${this.isSidebarOpen ? 'sidebar-open' : ''}">
        <webchat-sidebar
          id="sidebar"
          .app=${app}
          .currentConversationId=${thread.conversationId}
          @navigate=${this.#leaveSidebar}
        ></webchat-sidebar>
        <div class="scrim" @click=${this.#closeSidebar}></div>
        <main id="main" tabindex="-1">
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

  #bindShortcuts(app: App): () => void {
    return bindShortcuts(app, {
      shortcuts: () => app.dialog.set({ kind: 'shortcuts' }),
      search: () => this.#focusSearch(),
      'new-chat': () => {
        app.newChat();
        this.#leaveSidebar();
      },
      'focus-composer': () => this.#leaveSidebar(),
      previous: () => app.openNeighbour(-1),
      next: () => app.openNeighbour(1),
      context: () => void app.showContext(),
      undo: () => app.conversations.undoDelete(),
    });
  }

  #focusSearch(): void {
    this.isSidebarOpen = true;
    void this.updateComplete.then(() => this.querySelector('webchat-sidebar')?.focusSearch());
  }

  #toggleSidebar(): void {
    this.isSidebarOpen = !this.isSidebarOpen;
    if (this.isSidebarOpen) {
      void this.updateComplete.then(() =>
        this.querySelector<HTMLElement>('webchat-sidebar button')?.focus(),
      );
    }
  }

  #closeSidebar(): void {
    if (!this.isSidebarOpen) return;
    this.isSidebarOpen = false;
    // On a wide screen the sidebar is always open, and its button is hidden.
    const toggle = this.querySelector<HTMLElement>('.sidebar-toggle');
    if (toggle?.checkVisibility()) toggle.focus();
  }

  /** Moves from the sidebar to the conversation. */
  #leaveSidebar(): void {
    this.isSidebarOpen = false;
    this.#focusConversation();
  }

  #skipToConversation(event: Event): void {
    event.preventDefault();
    this.#focusConversation();
  }

  #focusConversation(): void {
    this.querySelector<HTMLElement>('#composer, #main:not(:has(#composer))')?.focus();
  }
}

customElements.define('webchat-app', WebchatApp);

declare global {
  interface HTMLElementTagNameMap {
    'webchat-app': WebchatApp;
  }
}
