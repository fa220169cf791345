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
import { BrowserTab } from './browser-tab';
import { LightElement, Watch } from '../ui/store-controller';
import { hearShortcuts } from './keyboard';

/** The page's shell: header, side and thread, and what stands over them. */
export class WebchatApp extends LightElement {
  static override properties = {
    app: { attribute: false },
    theme: { attribute: false },
    sideOpen: { state: true },
  };

  declare app: App | undefined;
  declare theme: ThemeChoice | undefined;
  declare sideOpen: boolean;

  readonly #thread = new Watch(this);
  #tab: BrowserTab | null = null;
  #endShortcuts: (() => void) | null = null;

  constructor() {
    super();
    this.sideOpen = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#closeSide();
    });
    this.addEventListener('show-context', () => void this.app?.showContext());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#tab?.end();
    this.#endShortcuts?.();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.app || !changed.has('app')) return;
    this.#thread.store = this.app.thread;
    this.#tab = new BrowserTab(this.app);
    this.#endShortcuts = this.#hearShortcuts(this.app);
  }

  protected override render() {
    const { app, theme } = this;
    if (!app || !theme) return nothing;
    const thread = app.thread.value;
    return html`
      <a class="skip" href="#main" @click=${this.#toConversation}>Skip to the conversation</a>
      <webchat-header
        .app=${app}
        .theme=${theme}
        .sideOpen=${this.sideOpen}
        @toggle-side=${this.#toggleSide}
      ></webchat-header>
      <div class="shell ${this.sideOpen ? 'side-open' : ''}">
        <webchat-sidebar
          id="side"
          .app=${app}
          .current=${thread.conversationId}
          @left=${this.#left}
        ></webchat-sidebar>
        <div class="veil" @click=${this.#closeSide}></div>
        <main id="main" tabindex="-1">
          <webchat-thread .app=${app} .thread=${thread}></webchat-thread>
          <div class="bars">
            <connection-bar .socket=${app.socket}></connection-bar>
            <notice-bar .notice=${app.notice}></notice-bar>
          </div>
          <webchat-composer .app=${app} .thread=${thread}></webchat-composer>
        </main>
      </div>
      <webchat-toasts .toasts=${app.toasts}></webchat-toasts>
      <webchat-dialogs .app=${app}></webchat-dialogs>
    `;
  }

  #hearShortcuts(app: App): () => void {
    return hearShortcuts(app, {
      shortcuts: () => app.dialog.set({ kind: 'shortcuts' }),
      search: () => this.#search(),
      'new-chat': () => {
        app.newChat();
        this.#left();
      },
      write: () => this.#left(),
      previous: () => app.openBeside(-1),
      next: () => app.openBeside(1),
      context: () => void app.showContext(),
      undo: () => app.library.undoRemoval(),
    });
  }

  #search(): void {
    this.sideOpen = true;
    void this.updateComplete.then(() => this.querySelector('webchat-sidebar')?.focusSearch());
  }

  #toggleSide(): void {
    this.sideOpen = !this.sideOpen;
    if (this.sideOpen) {
      void this.updateComplete.then(() =>
        this.querySelector<HTMLElement>('webchat-sidebar button')?.focus(),
      );
    }
  }

  #closeSide(): void {
    if (!this.sideOpen) return;
    this.sideOpen = false;
    // Where the side always stands there is no button for it, and no reason to leave it.
    const toggle = this.querySelector<HTMLElement>('.side-toggle');
    if (toggle?.checkVisibility()) toggle.focus();
  }

  /** From the side to the conversation. */
  #left(): void {
    this.sideOpen = false;
    this.#focusConversation();
  }

  #toConversation(event: Event): void {
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
