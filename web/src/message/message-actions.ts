import { html, nothing } from 'lit';
import ChevronDown from '@carbon/icons/es/chevron--down/16.js';
import ChevronLeft from '@carbon/icons/es/chevron--left/16.js';
import ChevronRight from '@carbon/icons/es/chevron--right/16.js';
import Copy from '@carbon/icons/es/copy/16.js';
import Edit from '@carbon/icons/es/edit/16.js';
import MachineLearningModel from '@carbon/icons/es/machine-learning-model/16.js';
import Renew from '@carbon/icons/es/renew/16.js';

import '../ui/overlays/popup-menu';

import type { Model } from '../api/types';
import type { App } from '../app/app';
import { formatNumber } from '../state/numbers';
import { isBlank, isUnstored, type ThreadMessage } from '../state/thread/thread-message';
import { copyText } from '../ui/clipboard';
import { focusConversation } from '../ui/keyboard/focus';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import { messageActionWords } from '../words/thread';

/** The buttons under a message. */
export class MessageActions extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    message: { attribute: false },
    isLast: { attribute: false },
    isBusy: { attribute: false },
  };

  declare app: App;
  declare message: ThreadMessage;
  declare isLast: boolean;
  declare isBusy: boolean;

  protected override render() {
    const { message } = this;
    if (isUnstored(message)) return nothing;
    return html`<div class="actions">
      ${message.role === 'user' ? this.#questionActions() : this.#answerActions()}
    </div>`;
  }

  #questionActions() {
    const { app, message, isBusy } = this;
    const edit = () => app.turnActions.beginEdit(message.id);
    return html`${this.#copy(messageActionWords.copyQuestion())}
    ${this.#button(messageActionWords.editQuestion(), Edit, isBusy, edit)} ${this.#versions()}`;
  }

  #answerActions() {
    const { app, message, isBusy, isLast } = this;
    const regenerate = () => {
      app.turnActions.regenerate(message.id);
      focusConversation();
    };
    // The note of an empty answer offers to try again already.
    const isOffered = isLast && isBlank(message);
    return html`${this.#versions()} ${this.#copy(messageActionWords.copyAnswer())}
    ${isOffered ? nothing : this.#button(messageActionWords.regenerate(), Renew, isBusy, regenerate)}
    ${this.#otherModels()}`;
  }

  #otherModels() {
    const { app, message, isBusy } = this;
    if (!app.models.isChoice || isBusy) return nothing;
    const item = ({ id, name }: Model) => ({
      label: name ?? id,
      icon: MachineLearningModel,
      run: () => {
        app.turnActions.regenerate(message.id, id);
        focusConversation();
      },
    });
    const others = () => app.models.list.value.filter(({ id }) => id !== message.model).map(item);
    return html`<webchat-popup-menu
      .label=${messageActionWords.regenerateWith()}
      .tooltip=${messageActionWords.regenerateWith()}
      .icon=${ChevronDown}
      .items=${others}
    ></webchat-popup-menu>`;
  }

  #copy(name: string) {
    if (isBlank(this.message)) return nothing;
    return this.#button(name, Copy, false, (event) => {
      void copyText(this.message.content, event.currentTarget);
    });
  }

  /** The version switcher: ‹ 2 / 3 › */
  #versions() {
    const { id, versions } = this.message;
    if (versions.length < 2) return nothing;
    const words = messageActionWords;
    const index = versions.indexOf(id);
    const number = formatNumber(index + 1);
    const count = formatNumber(versions.length);
    const step = (name: string, image: typeof Copy, to: string | undefined) =>
      this.#button(name, image, this.isBusy || to === undefined, () => {
        if (to !== undefined) this.app.turnActions.selectVersion(to);
      });
    return html`<span class="versions" role="group" aria-label=${words.versions()}>
      ${step(words.earlierVersion(), ChevronLeft, versions[index - 1])}
      <span aria-label=${words.version(number, count)} role="status">${number} / ${count}</span>
      ${step(words.laterVersion(), ChevronRight, versions[index + 1])}
    </span>`;
  }

  /** Uses `aria-disabled`, because `disabled` would drop the focus. */
  #button(name: string, image: typeof Copy, isDisabled: boolean, action: (event: Event) => void) {
    return html`<button
      class="quiet"
      type="button"
      aria-label=${name}
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
