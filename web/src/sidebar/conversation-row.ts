import { html, nothing, type PropertyValues } from 'lit';
import Overflow from '@carbon/icons/es/overflow-menu--horizontal/16.js';

import '../ui/popup-menu';

import type { App } from '../app/app';
import type { Conversation } from '../api/types';
import { pathOf } from '../state/page/address';
import { conversationMenu } from './conversation-menu';
import { LightElement } from '../ui/store-controller';
import { besideInList, isPlainClick } from '../ui/list-keys';

const LONGEST_TITLE = 200;

/** One conversation of the list: opened, renamed in place, and the button of its menu. */
export class ConversationRow extends LightElement {
  static override properties = {
    app: { attribute: false },
    conversation: { attribute: false },
    isCurrent: { attribute: false },
    isRenaming: { state: true },
  };

  declare app: App;
  declare conversation: Conversation;
  declare isCurrent: boolean;
  declare isRenaming: boolean;

  constructor() {
    super();
    this.isRenaming = false;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get('conversation');
    // Lists use a row again for another conversation.
    if (before && before.conversation_id !== this.conversation.conversation_id) {
      this.isRenaming = false;
    }
  }

  protected override render() {
    if (this.isRenaming) return this.#renameField();
    const { conversation_id: id } = this.conversation;
    const title = this.#title();
    return html`<div class="conversation ${this.isCurrent ? 'current' : ''}">
      <a
        href=${pathOf(id)}
        aria-current=${this.isCurrent ? 'page' : nothing}
        title=${title}
        dir="auto"
        @click=${this.#open}
        @dblclick=${this.#rename}
        @keydown=${this.#key}
        >${title}</a
      >
      <popup-menu
        .label=${`Options of ${title}`}
        .icon=${Overflow}
        .items=${() =>
          conversationMenu(this.app, this.conversation, {
            rename: () => this.#rename(),
            remove: () => this.#remove(),
          })}
      ></popup-menu>
    </div>`;
  }

  #renameField() {
    return html`<form class="rename" @submit=${this.#submit} @focusout=${this.#submit}>
      <input
        aria-label="Title"
        dir="auto"
        maxlength=${LONGEST_TITLE}
        autocomplete="off"
        .value=${this.conversation.title ?? ''}
        @keydown=${(event: KeyboardEvent) => {
          if (event.key !== 'Escape') return;
          event.stopPropagation();
          this.#settle();
        }}
      />
    </form>`;
  }

  #title(): string {
    return this.conversation.title ?? 'New chat';
  }

  #open(event: MouseEvent): void {
    if (!isPlainClick(event)) return;
    event.preventDefault();
    void this.app.open(this.conversation.conversation_id);
    this.dispatchEvent(new CustomEvent('left', { bubbles: true }));
  }

  #key(event: KeyboardEvent): void {
    if (event.key === 'F2') this.#rename();
    else if (event.key === 'Delete') this.#remove();
    else if (!besideInList(event, '.conversations', '.conversation a')) return;
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
    const isLeft = event.type === 'focusout';
    this.#settle(!isLeft);
    if (title !== '' && title !== this.conversation.title) {
      void this.app.library.rename(this.conversation.conversation_id, title);
    }
  }

  /** Back to the plain row, with the focus where it was. */
  #settle(takesFocus = true): void {
    this.isRenaming = false;
    if (takesFocus) void this.updateComplete.then(() => this.querySelector('a')?.focus());
  }

  /** The focus goes to the row that comes into this one's place. */
  #remove(): void {
    const rows = [...document.querySelectorAll<ConversationRow>('conversation-row')];
    const at = rows.indexOf(this);
    const next = (rows[at + 1] ?? rows[at - 1])?.conversation.conversation_id;
    const side = this.closest<HTMLElement>('.side');
    this.app.library.remove(this.conversation.conversation_id);
    // Once the list has been rendered without it.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const link = next && side?.querySelector<HTMLElement>(`a[href="${pathOf(next)}"]`);
        (link || side?.querySelector<HTMLElement>('.new-chat'))?.focus();
      }),
    );
  }
}

customElements.define('conversation-row', ConversationRow);
