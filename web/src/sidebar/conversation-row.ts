import { html, nothing, type PropertyValues } from 'lit';
import Overflow from '@carbon/icons/es/overflow-menu--horizontal/16.js';

import '../ui/popup-menu';

import type { Conversation } from '../api/types';
import type { App } from '../app/app';
import type { AnswerMark } from '../state/conversations/answer-marks';
import { pathOf } from '../state/page/address';
import { isComposing } from '../ui/composition';
import { LightDomElement } from '../ui/light-dom-element';
import { moveFocusInList, isPlainClick } from '../ui/links';
import { answerMarkWords, listWords as words } from '../words/sidebar';
import { conversationMenu } from './conversation-menu';

const MAX_TITLE_CHARACTERS = 200;

/** A conversation in the list: a link, an input for renaming, and a menu. */
export class ConversationRow extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    conversation: { attribute: false },
    isCurrent: { attribute: false },
    mark: { attribute: false },
    isRenaming: { state: true },
  };

  declare app: App;
  declare conversation: Conversation;
  declare isCurrent: boolean;
  declare mark: AnswerMark | undefined;
  declare isRenaming: boolean;

  constructor() {
    super();
    this.isRenaming = false;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const previous = changed.get('conversation');
    // The list may reuse this row for another conversation.
    if (previous && previous.conversation_id !== this.conversation.conversation_id) {
      this.isRenaming = false;
    }
  }

  protected override render() {
    if (this.isRenaming) return this.#renameField();
    const { conversation_id: id } = this.conversation;
    const title = this.#title();
    return html`<div class="conversation ${this.isCurrent ? 'current' : ''} ${this.mark ?? ''}">
      <a
        href=${pathOf(id)}
        aria-current=${this.isCurrent ? 'page' : nothing}
        aria-description=${this.mark ? answerMarkWords[this.mark]() : nothing}
        data-tooltip=${title}
        data-tooltip-when="truncated"
        dir="auto"
        @click=${this.#open}
        @dblclick=${this.#rename}
        @keydown=${this.#handleKeydown}
        >${title}</a
      >
      ${this.mark ? this.#answerMark(this.mark) : nothing}
      <webchat-popup-menu
        .label=${words.optionsFor(title)}
        .tooltip=${words.options()}
        .icon=${Overflow}
        .items=${() =>
          conversationMenu(this.app, this.conversation, {
            rename: () => this.#rename(),
            delete: () => this.#delete(),
          })}
      ></webchat-popup-menu>
    </div>`;
  }

  #answerMark(mark: AnswerMark) {
    const name = answerMarkWords[mark]();
    return html`<span
      class="answer-mark"
      role="img"
      aria-label=${name}
      data-tooltip=${name}
    ></span>`;
  }

  #renameField() {
    return html`<form class="rename" @submit=${this.#submit} @focusout=${this.#submit}>
      <input
        aria-label=${words.title()}
        dir="auto"
        maxlength=${MAX_TITLE_CHARACTERS}
        autocomplete="off"
        .value=${this.conversation.title ?? ''}
        @keydown=${(event: KeyboardEvent) => {
          if (event.key !== 'Escape' || isComposing(event)) return;
          event.stopPropagation();
          this.#endRename();
        }}
      />
    </form>`;
  }

  #title(): string {
    return this.conversation.title ?? words.untitled();
  }

  #open(event: MouseEvent): void {
    if (!isPlainClick(event)) return;
    event.preventDefault();
    void this.app.open(this.conversation.conversation_id);
    this.dispatchEvent(new CustomEvent('navigate', { bubbles: true }));
  }

  #handleKeydown(event: KeyboardEvent): void {
    if (event.key === 'F2') this.#rename();
    else if (event.key === 'Delete') this.#delete();
    else if (!moveFocusInList(event, '.conversations', '.conversation a')) return;
    event.preventDefault();
  }

  #rename(): void {
    this.isRenaming = true;
    void this.updateComplete.then(() => this.querySelector('input')?.select());
  }

  #submit(event: Event): void {
    event.preventDefault();
    if (!this.isRenaming) return;
    const title = this.querySelector('input')?.value.trim() ?? '';
    const hasLostFocus = event.type === 'focusout';
    this.#endRename(!hasLostFocus);
    if (title !== '' && title !== this.conversation.title) {
      void this.app.conversations.rename(this.conversation.conversation_id, title);
    }
  }

  /** Shows the link again and, by default, focuses it. */
  #endRename(movesFocus = true): void {
    this.isRenaming = false;
    if (movesFocus) void this.updateComplete.then(() => this.querySelector('a')?.focus());
  }

  /** Deletes the conversation. Moves the focus to the next row. */
  #delete(): void {
    const rows = [...document.querySelectorAll<ConversationRow>('webchat-conversation-row')];
    const index = rows.indexOf(this);
    const next = (rows[index + 1] ?? rows[index - 1])?.conversation.conversation_id;
    const sidebar = this.closest<HTMLElement>('.sidebar');
    this.app.conversations.delete(this.conversation.conversation_id);
    // Two frames later, the list has rendered without this row.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const link = next && sidebar?.querySelector<HTMLElement>(`a[href="${pathOf(next)}"]`);
        (link || sidebar?.querySelector<HTMLElement>('.new-chat'))?.focus();
      }),
    );
  }
}

customElements.define('webchat-conversation-row', ConversationRow);
