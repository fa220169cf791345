import { html, nothing } from 'lit';
import Overflow from '@carbon/icons/es/overflow-menu--horizontal/16.js';

import '../ui/overlays/popup-menu';

import type { Conversation } from '../api/types';
import type { App } from '../app/app';
import type { AnswerMark } from '../state/conversations/answer-marks';
import { pathOf } from '../state/page/address';
import { isComposingInForm } from '../ui/keyboard/composition';
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
    isRenaming: { attribute: false },
  };

  declare app: App;
  declare conversation: Conversation;
  declare isCurrent: boolean;
  declare mark: AnswerMark | undefined;
  declare isRenaming: boolean;

  #wasRenaming = false;

  constructor() {
    super();
    this.isRenaming = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // The list moves the row when the conversation changes, which drops the focus.
    if (this.#wasRenaming) this.#input()?.focus();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('pointerdown', this.#handlePointerDown, true);
  }

  protected override render() {
    if (this.isRenaming) return this.#renameField();
    const { conversation_id: id } = this.conversation;
    const title = this.#title();
    return html`<div
      class="conversation ${this.isCurrent ? 'current' : ''} ${this.mark ?? ''}"
      data-tooltip-side="end"
    >
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

  protected override updated(): void {
    if (this.isRenaming === this.#wasRenaming) return;
    this.#wasRenaming = this.isRenaming;
    const { renaming } = this.app.conversations;
    if (!this.isRenaming)
      document.removeEventListener('pointerdown', this.#handlePointerDown, true);
    else {
      document.addEventListener('pointerdown', this.#handlePointerDown, true);
      if (renaming.takesFocus) this.#focusInput(renaming.text);
    }
  }

  #renameField() {
    const { renaming } = this.app.conversations;
    return html`<form class="rename" @submit=${this.#submit} @focusout=${this.#handleFocusOut}>
      <input
        aria-label=${words.title()}
        dir="auto"
        maxlength=${MAX_TITLE_CHARACTERS}
        autocomplete="off"
        .value=${renaming.text}
        @input=${(event: Event) => (renaming.text = (event.target as HTMLInputElement).value)}
        @keydown=${(event: KeyboardEvent) => {
          if (isComposingInForm(event) || event.key !== 'Escape') return;
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
    const { conversation_id: id, title } = this.conversation;
    this.app.conversations.renaming.begin(id, title ?? '');
  }

  #submit(event: Event): void {
    event.preventDefault();
    this.#save();
    this.#focusLink();
  }

  /** Saves the title when the user moves on to another element. */
  #handleFocusOut({ relatedTarget }: FocusEvent): void {
    if (relatedTarget !== null) this.#save();
  }

  /**
   * Saves the title when the user clicks elsewhere. The field also loses the focus when the row is moved, or when
   * the user switches to another window: then, the user is not finished.
   */
  readonly #handlePointerDown = ({ target }: PointerEvent): void => {
    const input = this.#input();
    if (input !== target && input === document.activeElement) this.#save();
  };

  #save(): void {
    const { conversations } = this.app;
    if (!this.isRenaming) return;
    const title = conversations.renaming.text.trim();
    this.isRenaming = false;
    conversations.renaming.end();
    if (title !== '' && title !== this.conversation.title) {
      void conversations.rename(this.conversation.conversation_id, title);
    }
  }

  #endRename(): void {
    this.isRenaming = false;
    this.app.conversations.renaming.end();
    this.#focusLink();
  }

  #focusLink(): void {
    void this.updateComplete.then(() => this.querySelector('a')?.focus());
  }

  /** Selects the title, unless the user has changed it already in an earlier rendering of the row. */
  #focusInput(text: string): void {
    const input = this.#input();
    input?.focus();
    if (text === this.conversation.title) input?.select();
    else input?.setSelectionRange(text.length, text.length);
  }

  #input(): HTMLInputElement | null {
    return this.querySelector('.rename input');
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
