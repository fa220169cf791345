import '../ui/dialogs.scss';

import { html } from 'lit';

import { SHORTCUTS } from '../state/page/shortcuts';
import { hasSingleKeys, keepSingleKeys } from '../state/page/single-keys';
import { Modal } from '../ui/modal';

/** On Apple's keyboards Ctrl is ⌘. */
const IS_APPLE = /mac|iphone|ipad/i.test(navigator.userAgent);

export class ShortcutsSheet extends Modal {
  protected readonly heading = 'Keyboard shortcuts';

  protected content() {
    return html`<div class="shortcuts">
        ${SHORTCUTS.map(
          ({ where, shortcuts }) =>
            html`<section>
              <h3>${where}</h3>
              <dl>
                ${shortcuts.map(
                  ({ keys, does }) =>
                    html`<div>
                      <dt>${does}</dt>
                      <dd>${keys.map((key) => html`<kbd>${named(key)}</kbd>`)}</dd>
                    </div>`,
                )}
              </dl>
            </section>`,
        )}
      </div>
      <label class="check">
        <input type="checkbox" ?checked=${hasSingleKeys()} @change=${this.#choose} />
        <span>Shortcuts of a single key: <kbd>?</kbd> and <kbd>/</kbd></span>
      </label>`;
  }

  #choose(event: Event): void {
    keepSingleKeys((event.target as HTMLInputElement).checked);
  }
}

function named(key: string): string {
  return IS_APPLE && key === 'Ctrl' ? '⌘' : key;
}

customElements.define('shortcuts-sheet', ShortcutsSheet);
