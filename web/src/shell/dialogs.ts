import { html, nothing, type PropertyValues } from 'lit';

import type { App, Dialog } from '../app/app';
import { LightElement, Watch } from '../ui/store-controller';

/** Each is fetched when it is first needed. */
const LOADERS: Record<Dialog['kind'], () => Promise<unknown>> = {
  context: () => import('../settings/context-panel'),
  shortcuts: () => import('./shortcuts-dialog'),
  import: () => import('../sidebar/import-dialog'),
  reset: () => import('../sidebar/reset-dialog'),
};

/** Shows the dialog that the page has open. */
export class WebchatDialogs extends LightElement {
  static override properties = { app: { attribute: false }, loaded: { state: true } };

  declare app: App;
  declare loaded: ReadonlySet<Dialog['kind']>;

  readonly #dialog = new Watch(this);

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
    const closed = () => this.app.closeDialog();
    switch (dialog.kind) {
      case 'context':
        return html`<context-panel .app=${this.app} @closed=${closed}></context-panel>`;
      case 'shortcuts':
        return html`<shortcuts-sheet .app=${this.app} @closed=${closed}></shortcuts-sheet>`;
      case 'import':
        return html`<import-dialog .app=${this.app} @closed=${closed}></import-dialog>`;
      case 'reset':
        return html`<reset-dialog
          .app=${this.app}
          .conversationId=${dialog.id}
          @closed=${closed}
        ></reset-dialog>`;
    }
  }

  async #load(kind: Dialog['kind']): Promise<void> {
    try {
      await LOADERS[kind]();
      this.loaded = new Set([...this.loaded, kind]);
    } catch {
      // The server is away, or has another version of the page by now.
      this.app.closeDialog();
      this.app.notice.set('This part of the page can’t be loaded. Please load the page again.');
    }
  }
}

customElements.define('webchat-dialogs', WebchatDialogs);
