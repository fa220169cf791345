import { html, nothing } from 'lit';
import ChevronLeft from '@carbon/icons/es/chevron--left/16.js';
import ChevronRight from '@carbon/icons/es/chevron--right/16.js';
import Copy from '@carbon/icons/es/copy/16.js';
import Edit from '@carbon/icons/es/edit/16.js';
import Renew from '@carbon/icons/es/renew/16.js';

import type { App } from '../app/app';
import { isUnstored, type ThreadMessage } from '../state/thread/thread-message';
import { copyText } from '../ui/clipboard';
import { focusComposer } from '../ui/focus';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';

/** The buttons under a message. */
export class MessageActions extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    message: { attribute: false },
    isBusy: { attribute: false },
  };

  declare app: App;
  declare message: ThreadMessage;
  declare isBusy: boolean;

  protected override render() {
    const { message } = this;
    if (isUnstored(message)) return nothing;
    const isQuestion = message.role === 'user';
    return html`<div class="actions">
      ${isQuestion ? nothing : this.#versions()}
      ${
        message.content === ''
          ? nothing
          : this.#button(isQuestion ? 'Copy question' : 'Copy answer', Copy, false, (event) => {
              void copyText(message.content, event.currentTarget);
            })
      }
      ${
        isQuestion
          ? this.#button('Edit question', Edit, this.isBusy, () =>
              this.app.turnActions.beginEdit(message.id),
            )
          : this.#button('Regenerate', Renew, this.isBusy, () => {
              this.app.turnActions.regenerate(message.id);
              focusComposer();
            })
      }
      ${isQuestion ? this.#versions() : nothing}
    </div>`;
  }

  /** The version switcher: ‹ 2 / 3 › */
  #versions() {
    const { id, versions } = this.message;
    if (versions.length < 2) return nothing;
    const index = versions.indexOf(id);
    const step = (name: string, image: typeof Copy, to: string | undefined) =>
      this.#button(name, image, this.isBusy || to === undefined, () => {
        if (to !== undefined) this.app.turnActions.selectVersion(to);
      });
    return html`<span class="versions" role="group" aria-label="Versions">
      ${step('Earlier version', ChevronLeft, versions[index - 1])}
      <span aria-label="Version ${index + 1} of ${versions.length}" role="status"
        >${index + 1} / ${versions.length}</span
      >
      ${step('Later version', ChevronRight, versions[index + 1])}
    </span>`;
  }

  /** Uses `aria-disabled`, because `disabled` would drop the focus. */
  #button(name: string, image: typeof Copy, isDisabled: boolean, action: (event: Event) => void) {
    return html`<button
      class="quiet"
      type="button"
      aria-label=${name}
      title=${name}
      aria-disabled=${isDisabled ? 'true' : nothing}
      @click=${(event: Event) => {
        if (!isDisabled) action(event);
      }}
    >
      ${icon(image)}
    </button>`;
  }
}

customElements.define('webchat-message-actions', MessageActions);
