import { html, nothing, type PropertyValues } from 'lit';
import Asleep from '@carbon/icons/es/asleep/16.js';
import Download from '@carbon/icons/es/download/16.js';
import Import from '@carbon/icons/es/document--import/16.js';
import Keyboard from '@carbon/icons/es/keyboard/16.js';
import Laptop from '@carbon/icons/es/laptop/16.js';
import Light from '@carbon/icons/es/light/16.js';
import Menu from '@carbon/icons/es/menu/16.js';
import Overflow from '@carbon/icons/es/overflow-menu--vertical/16.js';
import Settings from '@carbon/icons/es/settings--adjust/16.js';

import '../ui/popup-menu';

import { EXPORT_ALL_URL } from '../api/conversation-api';
import type { ConnectionState } from '../api/socket';
import type { App } from '../app/app';
import type { Theme, ThemeChoice } from '../state/page/theme';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import type { MenuItem } from '../ui/popup-menu';
import { StoreController } from '../ui/store-controller';

const THEMES: Record<Theme, { icon: typeof Light; name: string; next: Theme }> = {
  system: { icon: Laptop, name: 'system', next: 'white' },
  white: { icon: Light, name: 'light', next: 'g100' },
  g100: { icon: Asleep, name: 'dark', next: 'system' },
};

const CONNECTIONS: Record<ConnectionState, string | null> = {
  connecting: null,
  connected: null,
  reconnecting: 'Reconnecting…',
  restarting: 'The server is restarting…',
  offline: 'Offline',
};

/** The header: the sidebar button, the model, the connection, the theme and the menu. */
export class WebchatHeader extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    theme: { attribute: false },
    isSidebarOpen: { attribute: false },
  };

  declare app: App;
  declare theme: ThemeChoice;
  declare isSidebarOpen: boolean;

  readonly #config = new StoreController(this);
  readonly #connection = new StoreController(this);
  readonly #theme = new StoreController(this);

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) {
      this.#config.store = this.app.config;
      this.#connection.store = this.app.socket.connection;
    }
    if (changed.has('theme')) this.#theme.store = this.theme;
  }

  protected override render() {
    const theme = THEMES[this.theme.value];
    const model = this.app.config.value?.model;
    const connection = CONNECTIONS[this.app.socket.connection.value];
    return html`<header class="header">
      <button
        class="quiet sidebar-toggle"
        type="button"
        aria-label="Conversations"
        aria-controls="sidebar"
        aria-expanded=${this.isSidebarOpen ? 'true' : 'false'}
        @click=${() => this.dispatchEvent(new CustomEvent('toggle-sidebar'))}
      >
        ${icon(Menu)}
      </button>
      <h1>Webchat</h1>
      ${model ? html`<span class="model" title="Model: ${model}">${model}</span>` : nothing}
      <span class="connection ${connection ? 'disconnected' : ''}" role="status"
        >${connection}</span
      >
      <button
        class="quiet"
        type="button"
        aria-label="Theme: ${theme.name}. Switch to ${THEMES[theme.next].name}"
        title="Theme: ${theme.name}"
        @click=${() => this.theme.choose(theme.next)}
      >
        ${icon(theme.icon)}
      </button>
      <button
        class="quiet shortcuts-button"
        type="button"
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts (?)"
        @click=${() => this.app.dialog.set({ kind: 'shortcuts' })}
      >
        ${icon(Keyboard)}
      </button>
      <webchat-popup-menu
        .label=${'Menu'}
        .icon=${Overflow}
        .items=${() => this.#items()}
      ></webchat-popup-menu>
    </header>`;
  }

  #items(): MenuItem[] {
    return [
      { label: 'Chat settings', icon: Settings, run: () => void this.app.showContext() },
      {
        label: 'Import conversations…',
        icon: Import,
        isSeparated: true,
        run: () => this.app.dialog.set({ kind: 'import' }),
      },
      { label: 'Export all conversations', icon: Download, href: EXPORT_ALL_URL },
      {
        label: 'Keyboard shortcuts',
        icon: Keyboard,
        isSeparated: true,
        run: () => this.app.dialog.set({ kind: 'shortcuts' }),
      },
    ];
  }
}

customElements.define('webchat-header', WebchatHeader);
