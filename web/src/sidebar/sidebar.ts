import { html, nothing, type PropertyValues } from 'lit';
import Add from '@carbon/icons/es/add/16.js';
import Archive from '@carbon/icons/es/archive/16.js';
import ArrowLeft from '@carbon/icons/es/arrow--left/16.js';
import Close from '@carbon/icons/es/close/16.js';
import SearchIcon from '@carbon/icons/es/search/16.js';

import './conversation-list';
import './search-results';

import type { App } from '../app/app';
import { isComposingInForm } from '../ui/keyboard/composition';
import { icon } from '../ui/icon';
import { keysText } from '../ui/keyboard/keys';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';
import { listWords, searchWords, sidebarWords as words } from '../words/sidebar';

/**
 * The search field and the conversation lists. Fires `navigate` when the user moves on to a conversation, and
 * `show-search` when the rail has no room for the search.
 */
export class WebchatSidebar extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    currentConversationId: { attribute: false },
    isRail: { attribute: false },
    isArchiveShown: { state: true },
  };

  declare app: App;
  declare currentConversationId: string | null;
  /** Whether only a rail of icons is shown. */
  declare isRail: boolean;
  declare isArchiveShown: boolean;

  readonly #search = new StoreController(this);

  constructor() {
    super();
    this.isRail = false;
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
    return html`<nav
      class="sidebar ${this.isRail ? 'rail' : ''}"
      aria-label=${words.conversations()}
    >
      <div class="sidebar-head">
        ${this.#newChatButton()} ${this.isRail ? this.#searchButton() : this.#searchField()}
        ${this.isArchiveShown && !isSearching && !this.isRail ? this.#archiveHeading() : nothing}
      </div>
      ${this.isRail ? nothing : this.#body(isSearching)}
    </nav>`;
  }

  #body(isSearching: boolean) {
    if (isSearching) {
      return html`<webchat-search-results .app=${this.app}></webchat-search-results>`;
    }
    return html`${this.#conversationList()} ${this.isArchiveShown ? nothing : this.#archiveButton()}`;
  }

  #newChatButton() {
    const keys = keysText(['Ctrl', 'Shift', 'O']);
    return html`<button
      class="side-link new-chat"
      type="button"
      data-tooltip=${this.isRail ? words.newChatTooltip(keys) : nothing}
      data-tooltip-side="end"
      @click=${this.#newChat}
    >
      ${icon(Add)}<span class=${this.isRail ? 'visually-hidden' : ''}>${words.newChat()}</span>
    </button>`;
  }

  #searchButton() {
    return html`<button
      class="side-link"
      type="button"
      data-tooltip=${searchWords.searchTooltip(keysText(['Ctrl', 'K']))}
      data-tooltip-side="end"
      @click=${() => this.dispatchEvent(new CustomEvent('show-search'))}
    >
      ${icon(SearchIcon)}<span class="visually-hidden">${searchWords.search()}</span>
    </button>`;
  }

  #searchField() {
    const { query } = this.app.conversations.search.state.value;
    return html`<form class="search" role="search" @submit=${this.#focusFirstHit}>
      ${icon(SearchIcon)}
      <input
        id="search"
        type="search"
        aria-label=${searchWords.search()}
        placeholder=${searchWords.search()}
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
              aria-label=${searchWords.clear()}
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
      .emptyText=${this.isArchiveShown ? listWords.emptyArchive() : listWords.empty()}
    ></webchat-conversation-list>`;
  }

  #archiveHeading() {
    return html`<div class="archive-head">
      <button
        class="quiet"
        type="button"
        aria-label=${words.backToConversations()}
        @click=${() => this.#showArchive(false)}
      >
        ${icon(ArrowLeft)}
      </button>
      <h2>${words.archived()}</h2>
    </div>`;
  }

  #archiveButton() {
    return html`<div class="sidebar-foot">
      <button class="side-link" type="button" @click=${() => this.#showArchive(true)}>
        ${icon(Archive)}<span>${words.archived()}</span>
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
    if (isComposingInForm(event)) return;
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
