import { html, nothing, type PropertyValues } from 'lit';
import Add from '@carbon/icons/es/add/20.js';
import Close from '@carbon/icons/es/close/20.js';
import Keyboard from '@carbon/icons/es/keyboard/20.js';
import Menu from '@carbon/icons/es/menu/20.js';
import Overflow from '@carbon/icons/es/overflow-menu--vertical/20.js';
import Settings from '@carbon/icons/es/settings--adjust/20.js';
import Warning from '@carbon/icons/es/warning--filled/16.js';

import '../ui/overlays/popup-menu';

import type { ConnectionState } from '../api/connection/socket';
import type { App } from '../app/app';
import { START_PATH } from '../state/page/address';
import type { ThemeChoice } from '../state/page/theme';
import { focusConversation } from '../ui/keyboard/focus';
import { icon } from '../ui/icon';
import { keysText } from '../ui/keyboard/keys';
import { LightDomElement } from '../ui/light-dom-element';
import { isPlainClick } from '../ui/links';
import { IS_PHONE, MediaQuery } from '../ui/media-query';
import { StoreController } from '../ui/store-controller';
import { themeButton } from '../ui/theme-switch';
import { connectionStateWords, headerWords as words } from '../words/shell';
import { headerMenu } from './header-menu';

const CONNECTIONS: Record<ConnectionState, (() => string) | null> = {
  connecting: null,
  connected: null,
  ...connectionStateWords,
};

/**
 * The header: the sidebar button, the product or, on a phone, the conversation, the model, the connection and the
 * page's actions. Fires `toggle-sidebar`.
 */
export class WebchatHeader extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    theme: { attribute: false },
    isSidebarShown: { attribute: false },
  };

  declare app: App;
  declare theme: ThemeChoice;
  declare isSidebarShown: boolean;

  readonly #config = new StoreController(this);
  readonly #models = new StoreController(this);
  readonly #connection = new StoreController(this);
  readonly #theme = new StoreController(this);
  readonly #thread = new StoreController(this);
  readonly #threadState = new StoreController(this);
  readonly #conversations = new StoreController(this);
  readonly #archived = new StoreController(this);
  readonly #phone = new MediaQuery(this, IS_PHONE);

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) {
      this.#config.store = this.app.config;
      this.#models.store = this.app.models.list;
      this.#connection.store = this.app.socket.connection;
      this.#thread.store = this.app.thread;
      this.#conversations.store = this.app.conversations.active.state;
      this.#archived.store = this.app.conversations.archived.state;
    }
    this.#threadState.store = this.app.thread.value.state;
    if (changed.has('theme')) this.#theme.store = this.theme;
  }

  protected override render() {
    const isPhone = this.#phone.matches;
    return html`<header class="header">
      ${this.#sidebarToggle()} ${this.#name(isPhone ? this.#title() : null)}
      ${isPhone ? nothing : this.#model()} ${this.#connectionState()}
      ${isPhone ? this.#action(words.newChat(), Add, () => this.#newChat()) : nothing}
      ${this.#action(words.chatSettings(), Settings, () => void this.app.showSettings())}
      ${isPhone ? nothing : [themeButton(this.theme), this.#shortcutsButton()]}
      <webchat-popup-menu
        .label=${words.menu()}
        .icon=${Overflow}
        .buttonClass=${'header-action'}
        .items=${() => headerMenu(this.app, isPhone ? this.theme : null)}
      ></webchat-popup-menu>
    </header>`;
  }

  #sidebarToggle() {
    const keys = keysText(['Ctrl', 'B']);
    return html`<button
      class="header-action sidebar-toggle"
      type="button"
      aria-label=${words.conversations()}
      aria-controls="sidebar"
      aria-expanded=${this.isSidebarShown ? 'true' : 'false'}
      data-tooltip=${this.isSidebarShown ? words.hideSidebar(keys) : words.showSidebar(keys)}
      @click=${() => this.dispatchEvent(new CustomEvent('toggle-sidebar'))}
    >
      ${icon(this.isSidebarShown && this.#phone.matches ? Close : Menu)}
    </button>`;
  }

  /** The product's name, which leads to a new chat. On a phone, the conversation's title takes its place. */
  #name(title: string | null) {
    if (title !== null) {
      return html`<h1 class="visually-hidden">${words.product()}</h1>
        <span class="header-title" dir="auto">${title}</span>`;
    }
    const newChat = (event: MouseEvent) => {
      if (!isPlainClick(event)) return;
      event.preventDefault();
      this.#newChat();
    };
    return html`<h1 class="header-name">
      <a href=${START_PATH} @click=${newChat}>${words.product()}</a>
    </h1>`;
  }

  #model() {
    // With several models, the message box shows that of the chat.
    const model = this.app.models.isChoice ? null : this.app.config.value?.model;
    if (!model) return nothing;
    return html`<span class="model" data-tooltip=${words.model(model)}>${model}</span>`;
  }

  /** On a phone, there is no room for the text. */
  #connectionState() {
    const text = CONNECTIONS[this.app.socket.connection.value];
    const className = this.#phone.matches ? 'visually-hidden' : '';
    return html`<span class="connection" role="status"
      >${
        text === null ? nothing : html`${icon(Warning)}<span class=${className}>${text()}</span>`
      }</span
    >`;
  }

  #shortcutsButton() {
    return this.#action(words.shortcuts(), Keyboard, () =>
      this.app.dialog.set({ kind: 'shortcuts' }),
    );
  }

  #action(label: string, image: typeof Menu, run: () => void) {
    return html`<button class="header-action" type="button" aria-label=${label} @click=${run}>
      ${icon(image)}
    </button>`;
  }

  #title(): string | null {
    const { conversationId: id, state } = this.app.thread.value;
    if (id === null || state.value.phase === 'not-found') return null;
    return this.app.conversations.find(id)?.title ?? words.newChat();
  }

  #newChat(): void {
    this.app.newChat();
    focusConversation();
  }
}

customElements.define('webchat-header', WebchatHeader);
