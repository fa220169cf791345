import { html } from 'lit';

import { copyText } from '../../ui/clipboard';
import { passwordWords as words } from '../../words/admin';

/** A generated password, which can be read only once. */
export function oneTimePassword(password: string) {
  return html`<div class="one-time-password" role="group" aria-label=${words.label()}>
    <p role="status">${words.copyNow()}</p>
    <code>${password}</code>
    <div>
      <button
        class="primary copy-password"
        type="button"
        @click=${(event: Event) => void copyText(password, event.currentTarget)}
      >
        ${words.copy()}
      </button>
    </div>
  </div>`;
}
