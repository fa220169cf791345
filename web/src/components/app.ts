import { html, nothing, type PropertyValues } from 'lit';

import './composer';
import './header';
import './sidebar';
import './thread';

import type { App } from '../app';
import type { ThemeChoice } from '../state/theme';
import { LightElement, Watch } from './element';

/** The page's shell: header, side and thread. */
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
  readonly #conversations = new Watch(this);
  readonly #notice = new Watch(this);

  constructor() {
    super();
    this.sideOpen = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#closeSide();
    });
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.app) return;
    if (changed.has('app')) {
      this.#thread.store = this.app.thread;
      this.#conversations.store = this.app.conversations.state;
      this.#notice.store = this.app.notice;
    }
    document.title = this.#title();
  }

  protected override render() {
    const { app, theme } = this;
    if (!app || !theme) return nothing;
    const open = this.app?.thread.value.conversationId ?? null;
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
          .current=${open}
          @left=${this.#closeSide}
        ></webchat-sidebar>
        <div class="veil" @click=${this.#closeSide}></div>
        <main id="main" tabindex="-1">
          <webchat-thread .app=${app} .thread=${app.thread.value}></webchat-thread>
          ${this.#noticeBar()}
          <webchat-composer .app=${app} .thread=${app.thread.value}></webchat-composer>
        </main>
      </div>
    `;
  }

  #noticeBar() {
    const text = this.app?.notice.value;
    if (!text) return nothing;
    return html`<div class="notice" role="alert">
      <span>${text}</span>
      <button class="quiet" type="button" @click=${() => this.app?.notice.set(null)}>
        Dismiss
      </button>
    </div>`;
  }

  #title(): string {
    const id = this.app?.thread.value.conversationId;
    const title = id ? this.app?.conversations.find(id)?.title : null;
    return title ? `${title} – Webchat` : 'Webchat';
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
    this.querySelector<HTMLElement>('.side-toggle')?.focus();
  }

  #toConversation(event: Event): void {
    event.preventDefault();
    this.querySelector<HTMLElement>('#composer, #main:not(:has(#composer))')?.focus();
  }
}

customElements.define('webchat-app', WebchatApp);

declare global {
  interface HTMLElementTagNameMap {
    'webchat-app': WebchatApp;
  }
}
