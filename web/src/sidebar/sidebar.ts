import { html, nothing, type PropertyValues } from 'lit';
import Add from '@carbon/icons/es/add/16.js';
import Archive from '@carbon/icons/es/archive/16.js';
import ArrowLeft from '@carbon/icons/es/arrow--left/16.js';
import Close from '@carbon/icons/es/close/16.js';
import SearchIcon from '@carbon/icons/es/search/16.js';

import './conversation-list';
import './search-results';

import type { App } from '../app/app';
import { LightElement, Watch } from '../ui/store-controller';
import { icon } from '../ui/icon';

/** Search and the lists of conversations. Tells `left` when the reader goes from it to the thread. */
export class WebchatSidebar extends LightElement {
  static override properties = {
    app: { attribute: false },
    current: { attribute: false },
    isArchive: { state: true },
  };

  declare app: App;
  declare current: string | null;
  declare isArchive: boolean;

  readonly #search = new Watch(this);

  constructor() {
    super();
    this.isArchive = false;
  }

  focusSearch(): void {
    this.querySelector<HTMLInputElement>('#search')?.select();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#search.store = this.app.library.search.state;
  }

  protected override render() {
    const isSearch = this.app.library.search.state.value.phase !== 'idle';
    return html`<nav class="side" aria-label="Conversations">
      <div class="side-top">
        <button class="new-chat" type="button" @click=${this.#newChat}>
          <span>New chat</span>${icon(Add)}
        </button>
        ${this.#field()} ${this.isArchive && !isSearch ? this.#archiveHead() : nothing}
      </div>
      ${isSearch ? html`<search-results .app=${this.app}></search-results>` : this.#list()}
      ${this.isArchive || isSearch ? nothing : this.#foot()}
    </nav>`;
  }

  #field() {
    const { words } = this.app.library.search.state.value;
    return html`<form class="search" role="search" @submit=${this.#toHits}>
      ${icon(SearchIcon)}
      <input
        id="search"
        type="search"
        aria-label="Search all messages"
        placeholder="Search"
        autocomplete="off"
        enterkeyhint="search"
        .value=${words}
        @input=${(event: Event) =>
          this.app.library.search.type((event.target as HTMLInputElement).value)}
        @keydown=${this.#key}
      />
      ${
        words === ''
          ? html`<kbd aria-hidden="true">/</kbd>`
          : html`<button
              class="quiet"
              type="button"
              aria-label="Clear the search"
              @click=${this.#clear}
            >
              ${icon(Close)}
            </button>`
      }
    </form>`;
  }

  #list() {
    const { conversations, archived } = this.app.library;
    return html`<conversation-list
      .app=${this.app}
      .list=${this.isArchive ? archived : conversations}
      .current=${this.current}
      .empty=${this.isArchive ? 'Nothing is archived.' : 'Your conversations will stand here.'}
    ></conversation-list>`;
  }

  #archiveHead() {
    return html`<div class="archive-head">
      <button
        class="quiet"
        type="button"
        aria-label="Back to the conversations"
        @click=${() => this.#show(false)}
      >
        ${icon(ArrowLeft)}
      </button>
      <h2>Archived</h2>
    </div>`;
  }

  #foot() {
    return html`<div class="side-foot">
      <button class="quiet wide" type="button" @click=${() => this.#show(true)}>
        ${icon(Archive)}<span>Archived</span>
      </button>
    </div>`;
  }

  #show(isArchive: boolean): void {
    this.isArchive = isArchive;
    if (isArchive) void this.app.library.readArchive();
    const button = isArchive ? '.archive-head button' : '.side-foot button';
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(button)?.focus());
  }

  #newChat(): void {
    this.app.newChat();
    this.dispatchEvent(new CustomEvent('left'));
    document.querySelector<HTMLElement>('#composer')?.focus();
  }

  #clear(): void {
    this.app.library.search.type('');
    this.querySelector<HTMLElement>('#search')?.focus();
  }

  #toHits(event: Event): void {
    event.preventDefault();
    this.querySelector<HTMLElement>('.hit')?.focus();
  }

  #key(event: KeyboardEvent): void {
    const hasWords = this.app.library.search.state.value.words !== '';
    if (event.key === 'ArrowDown') this.#toHits(event);
    else if (event.key === 'Escape' && hasWords) {
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
