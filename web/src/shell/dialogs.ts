import { html, nothing, type PropertyValues } from 'lit';

import type { App, Dialog } from '../app/app';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';
import { shellWords } from '../words/shell';

/** The loader of each dialog. A dialog is loaded when it is first opened. */
const LOADERS: Record<Dialog['kind'], () => Promise<unknown>> = {
  settings: () => import('../settings/chat-settings'),
  shortcuts: () => import('./shortcuts-dialog'),
  import: () => import('../sidebar/import-dialog'),
  account: () => import('../account/account-dialog'),
  'delete-account': () => import('../account/delete-account-dialog'),
  reset: () => import('../sidebar/reset-dialog'),
};

/** Renders the open dialog. */
export class WebchatDialogs extends LightDomElement {
  static override properties = { app: { attribute: false }, loaded: { state: true } };

  declare app: App;
  declare loaded: ReadonlySet<Dialog['kind']>;

  readonly #dialog = new StoreController(this);

  constructor() {
    super();
    this.loaded = new Set();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#dialog.store = this.app.dialog;
    const dialog = this.app.dialog.value;
    if (dialog && !this.loaded.has(dialog.kind)) void this.#load(dialog.kind);
  }

  protected override render() {
    const dialog = this.app.dialog.value;
    if (!dialog || !this.loaded.has(dialog.kind)) return nothing;
    const close = () => this.app.closeDialog();
    switch (dialog.kind) {
      case 'settings':
        return html`<webchat-chat-settings
          .app=${this.app}
          .section=${dialog.section}
          @closed=${close}
        ></webchat-chat-settings>`;
      case 'shortcuts':
        return html`<webchat-shortcuts-dialog
          .app=${this.app}
          @closed=${close}
        ></webchat-shortcuts-dialog>`;
      case 'import':
        return html`<webchat-import-dialog
          .app=${this.app}
          @closed=${close}
        ></webchat-import-dialog>`;
      case 'account':
        return html`<webchat-account-dialog
          .app=${this.app}
          @closed=${close}
        ></webchat-account-dialog>`;
      case 'delete-account':
        return html`<webchat-delete-account-dialog
          .app=${this.app}
          @closed=${() => this.app.dialog.set({ kind: 'account' })}
        ></webchat-delete-account-dialog>`;
      case 'reset':
        return html`<webchat-reset-dialog
          .app=${this.app}
          .conversationId=${dialog.id}
          @closed=${close}
        ></webchat-reset-dialog>`;
    }
  }

  async #load(kind: Dialog['kind']): Promise<void> {
    try {
      await LOADERS[kind]();
      this.loaded = new Set([...this.loaded, kind]);
    } catch {
      // The server is unreachable, or now serves another version of the page.
      this.app.closeDialog();
      this.app.notice.set(shellWords.loadFailed());
    }
  }
}

customElements.define('webchat-dialogs', WebchatDialogs);
