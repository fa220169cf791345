import { html, nothing, type PropertyValues } from 'lit';
import Add from '@carbon/icons/es/add/16.js';
import Archive from '@carbon/icons/es/archive/16.js';
import ArrowLeft from '@carbon/icons/es/arrow--left/16.js';
import Close from '@carbon/icons/es/close/16.js';
import SearchIcon from '@carbon/icons/es/search/16.js';

import './conversation-list';
import './search-results';

import type { App } from '../app/app';
import { isComposing } from '../ui/composition';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';

/** The search field and the conversation lists. Fires `navigate` when the user moves on to a conversation. */
export class WebchatSidebar extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    currentConversationId: { attribute: false },
    isArchiveShown: { state: true },
  };

  declare app: App;
  declare currentConversationId: string | null;
  declare isArchiveShown: boolean;

  readonly #search = new StoreController(this);

  constructor() {
    super();
    this.isArchiveShown = false;
  }

  focusSearch(): void {
    const field = this.querySelector<HTMLInputElement>('#search');
    field?.focus();
    field?.select();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#search.store = this.app.conversations.search.state;
  }

  protected override render() {
    const isSearching = this.app.conversations.search.state.value.phase !== 'idle';
    return html`<nav class="sidebar" aria-label="Conversations">
      <div class="sidebar-head">
        <button class="new-chat" type="button" @click=${this.#newChat}>
          <span>New chat</span>${icon(Add)}
        </button>
        ${this.#searchField()}
        ${this.isArchiveShown && !isSearching ? this.#archiveHeading() : nothing}
      </div>
      ${isSearching ? html`<webchat-search-results .app=${this.app}></webchat-search-results>` : this.#conversationList()}
      ${this.isArchiveShown || isSearching ? nothing : this.#archiveButton()}
    </nav>`;
  }

  #searchField() {
    const { query } = this.app.conversations.search.state.value;
    return html`<form class="search" role="search" @submit=${this.#focusFirstHit}>
      ${icon(SearchIcon)}
      <input
        id="search"
        type="search"
        aria-label="Search all conversations"
        placeholder="Search"
        autocomplete="off"
        enterkeyhint="search"
        .value=${query}
        @input=${(event: Event) =>
          this.app.conversations.search.setQuery((event.target as HTMLInputElement).value)}
        @keydown=${this.#handleKeydown}
      />
      ${
        query === ''
          ? html`<kbd aria-hidden="true">/</kbd>`
          : html`<button
              class="quiet"
              type="button"
              aria-label="Clear search"
              @click=${this.#clear}
            >
              ${icon(Close)}
            </button>`
      }
    </form>`;
  }

  #conversationList() {
    const { active, archived } = this.app.conversations;
    return html`<webchat-conversation-list
      .app=${this.app}
      .list=${this.isArchiveShown ? archived : active}
      .currentConversationId=${this.currentConversationId}
      .emptyText=${this.isArchiveShown ? 'No archived conversations.' : 'Your conversations will appear here.'}
    ></webchat-conversation-list>`;
  }

  #archiveHeading() {
    return html`<div class="archive-head">
      <button
        class="quiet"
        type="button"
        aria-label="Back to the conversations"
        @click=${() => this.#showArchive(false)}
      >
        ${icon(ArrowLeft)}
      </button>
      <h2>Archived</h2>
    </div>`;
  }

  #archiveButton() {
    return html`<div class="sidebar-foot">
      <button class="quiet wide" type="button" @click=${() => this.#showArchive(true)}>
        ${icon(Archive)}<span>Archived</span>
      </button>
    </div>`;
  }

  #showArchive(isShown: boolean): void {
    this.isArchiveShown = isShown;
    if (isShown) void this.app.conversations.loadArchive();
    const button = isShown ? '.archive-head button' : '.sidebar-foot button';
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(button)?.focus());
  }

  #newChat(): void {
    this.app.newChat();
    this.dispatchEvent(new CustomEvent('navigate'));
    document.querySelector<HTMLElement>('#composer')?.focus();
  }

  #clear(): void {
    this.app.conversations.search.setQuery('');
    this.querySelector<HTMLElement>('#search')?.focus();
  }

  #focusFirstHit(event: Event): void {
    event.preventDefault();
    this.querySelector<HTMLElement>('.hit')?.focus();
  }

  #handleKeydown(event: KeyboardEvent): void {
    if (isComposing(event)) return;
    const hasQuery = this.app.conversations.search.state.value.query !== '';
    if (event.key === 'ArrowDown') this.#focusFirstHit(event);
    else if (event.key === 'Escape' && hasQuery) {
      event.preventDefault();
      event.stopPropagation();
      this.#clear();
    }
  }
}

customElements.define('webchat-sidebar', WebchatSidebar);

declare global {
  interface HTMLElementTagNameMap {
    'webchat-sidebar': WebchatSidebar;
  }
}
