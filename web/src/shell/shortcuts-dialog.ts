import '../ui/dialogs.scss';

import { html } from 'lit';

import { SHORTCUTS } from '../state/page/shortcuts';
import { singleKeysEnabled, setSingleKeysEnabled } from '../state/page/single-keys';
import { Modal } from '../ui/modal';

/** On Apple keyboards, ⌘ takes the place of Ctrl. */
const IS_APPLE = /mac|iphone|ipad/i.test(navigator.userAgent);

/** The dialog that lists the keyboard shortcuts. */
export class ShortcutsDialog extends Modal {
  protected readonly heading = 'Keyboard shortcuts';

  protected content() {
    return html`<div class="shortcuts">
        ${SHORTCUTS.map(
          ({ scope, shortcuts }) =>
            html`<section>
              <h3>${scope}</h3>
              <dl>
                ${shortcuts.map(
                  ({ keys, action }) =>
                    html`<div>
                      <dt>${action}</dt>
                      <dd>${keys.map((key) => html`<kbd>${keyName(key)}</kbd>`)}</dd>
                    </div>`,
                )}
              </dl>
            </section>`,
        )}
      </div>
      <label class="checkbox">
        <input type="checkbox" ?checked=${singleKeysEnabled()} @change=${this.#handleChange} />
        <span>Single-key shortcuts: <kbd>?</kbd> and <kbd>/</kbd></span>
      </label>`;
  }

  #handleChange(event: Event): void {
    setSingleKeysEnabled((event.target as HTMLInputElement).checked);
  }
}

function keyName(key: string): string {
  return IS_APPLE && key === 'Ctrl' ? '⌘' : key;
}

customElements.define('webchat-shortcuts-dialog', ShortcutsDialog);
