import '../ui/overlays/dialogs.scss';

import { html } from 'lit';

import { singleKeysEnabled, setSingleKeysEnabled } from '../state/page/single-keys';
import { keyName } from '../ui/keyboard/keys';
import { Modal } from '../ui/overlays/modal';
import { shortcutWords as words } from '../words/shell';
import { SHORTCUTS } from './shortcut-list';

/** The dialog that lists the keyboard shortcuts. */
export class ShortcutsDialog extends Modal {
  protected readonly heading = words.heading();

  protected content() {
    return html`<div class="shortcuts">
        ${SHORTCUTS.map(
          ({ name, shortcuts }) =>
            html`<section>
              <h3>${name()}</h3>
              <dl>
                ${shortcuts.map(
                  ({ keys, action }) =>
                    html`<div>
                      <dt>${action()}</dt>
                      <dd>${keys.map((key) => html`<kbd>${keyName(key)}</kbd>`)}</dd>
                    </div>`,
                )}
              </dl>
            </section>`,
        )}
      </div>
      <label class="toggle">
        <input
          type="checkbox"
          role="switch"
          ?checked=${singleKeysEnabled()}
          @change=${this.#handleChange}
        />
        <span>${words.singleKeys()} <kbd>?</kbd> <kbd>/</kbd></span>
      </label>`;
  }

  #handleChange(event: Event): void {
    setSingleKeysEnabled((event.target as HTMLInputElement).checked);
  }
}

customElements.define('webchat-shortcuts-dialog', ShortcutsDialog);
