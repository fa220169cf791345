import { html, nothing, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import Add from '@carbon/icons/es/add/16.js';
import Edit from '@carbon/icons/es/edit/16.js';
import TrashCan from '@carbon/icons/es/trash-can/16.js';

import type { App } from '../app';
import type { Conversation } from '../protocol';
import { groupByDay } from '../state/conversations';
import { LightElement, Watch } from './element';
import { icon } from './icon';

const LONGEST_TITLE = 200;

/** The list of conversations. Tells `left` when the reader goes from it to the thread. */
export class WebchatSidebar extends LightElement {
  static override properties = {
    app: { attribute: false },
    current: { attribute: false },
    renaming: { state: true },
    removing: { state: true },
  };

  declare app: App;
  declare current: string | null;
  /** The conversation whose title is being edited. */
  declare renaming: string | null;
  /** The conversation about which the reader is asked whether it should go. */
  declare removing: string | null;

  readonly #list = new Watch(this);

  constructor() {
    super();
    this.renaming = null;
    this.removing = null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#list.store = this.app.conversations.state;
  }

  protected override render() {
    return html`<nav class="side" aria-label="Conversations">
      <button class="new-chat" type="button" @click=${this.#newChat}>
        <span>New chat</span>${icon(Add)}
      </button>
      <div class="conversations" @scroll=${this.#scrolled}>${this.#groups()}</div>
    </nav>`;
  }

  #groups() {
    const { phase, items } = this.app.conversations.state.value;
    if (phase === 'failed') {
      return html`<p class="hint">
        The conversations can’t be read.
        <button class="link" type="button" @click=${() => this.app.conversations.load()}>
          Try again
        </button>
      </p>`;
    }
    if (phase === 'loading') {
      return html`<div class="skeleton" role="status" aria-label="Loading conversations">
        ${[72, 55, 80, 64].map((width) => html`<span class="bar w${width}"></span>`)}
      </div>`;
    }
    if (items.length === 0) return html`<p class="hint">Your conversations will stand here.</p>`;
    return groupByDay(items, new Date()).map(
      (group) => html`
        <h2>${group.label}</h2>
        <ul>
          ${repeat(
            group.items,
            (item) => item.conversation_id,
            (item) => html`<li>${this.#item(item)}</li>`,
          )}
        </ul>
      `,
    );
  }

  #item(item: Conversation) {
    const id = item.conversation_id;
    if (id === this.renaming) return this.#renameField(item);
    if (id === this.removing) return this.#removeQuestion(item);
    const title = item.title ?? 'New chat';
    return html`<div class="conversation ${id === this.current ? 'current' : ''}">
      <a
        href="/c/${id}"
        aria-current=${id === this.current ? 'page' : nothing}
        title=${title}
        data-id=${id}
        @click=${(event: MouseEvent) => this.#open(event, id)}
        >${title}</a
      >
      <button
        class="quiet"
        type="button"
        aria-label="Rename ${title}"
        @click=${() => this.#rename(id)}
      >
        ${icon(Edit)}
      </button>
      <button
        class="quiet"
        type="button"
        aria-label="Delete ${title}"
        @click=${() => this.#ask(id)}
      >
        ${icon(TrashCan)}
      </button>
    </div>`;
  }

  #renameField(item: Conversation) {
    const id = item.conversation_id;
    const submit = (event: Event) => {
      event.preventDefault();
      const field = this.querySelector<HTMLInputElement>('.rename input');
      const title = field?.value.trim() ?? '';
      this.#settle(id);
      if (title !== '' && title !== item.title) void this.app.rename(id, title);
    };
    return html`<form class="rename" @submit=${submit} @focusout=${submit}>
      <input
        aria-label="Title"
        maxlength=${LONGEST_TITLE}
        .value=${item.title ?? ''}
        @keydown=${(event: KeyboardEvent) => {
          if (event.key !== 'Escape') return;
          event.stopPropagation();
          this.#settle(id);
        }}
      />
    </form>`;
  }

  #removeQuestion(item: Conversation) {
    const id = item.conversation_id;
    const keep = () => this.#settle(id);
    return html`<div
      class="remove"
      role="group"
      aria-label="Delete ${item.title ?? 'New chat'}?"
      @keydown=${(event: KeyboardEvent) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        keep();
      }}
    >
      <span>Delete it?</span>
      <button class="danger" type="button" @click=${() => this.#remove(id)}>Delete</button>
      <button class="quiet" type="button" @click=${keep}>Keep</button>
    </div>`;
  }

  #newChat(): void {
    this.app.newChat();
    this.dispatchEvent(new CustomEvent('left'));
    document.querySelector<HTMLElement>('#composer')?.focus();
  }

  #open(event: MouseEvent, id: string): void {
    // A click that opens another tab or window is the browser's.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    void this.app.open(id);
    this.dispatchEvent(new CustomEvent('left'));
  }

  #rename(id: string): void {
    this.renaming = id;
    void this.updateComplete.then(() =>
      this.querySelector<HTMLInputElement>('.rename input')?.select(),
    );
  }

  #ask(id: string): void {
    this.removing = id;
    void this.updateComplete.then(() =>
      this.querySelector<HTMLElement>('.remove .danger')?.focus(),
    );
  }

  #remove(id: string): void {
    this.removing = null;
    void this.app.remove(id);
    this.querySelector<HTMLElement>('.new-chat')?.focus();
  }

  /** Back to the plain list, with the focus where it was. */
  #settle(id: string): void {
    if (this.renaming !== id && this.removing !== id) return;
    this.renaming = null;
    this.removing = null;
    void this.updateComplete.then(() =>
      this.querySelector<HTMLElement>(`a[data-id="${CSS.escape(id)}"]`)?.focus(),
    );
  }

  #scrolled(event: Event): void {
    const list = event.currentTarget as HTMLElement;
    const left = list.scrollHeight - list.scrollTop - list.clientHeight;
    if (left < list.clientHeight) void this.app.conversations.loadMore().catch(() => {});
  }
}

customElements.define('webchat-sidebar', WebchatSidebar);
