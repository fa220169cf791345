import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';

import type { SearchHit, SnippetPart, TitleHit } from '../api/types';
import type { App } from '../app/app';
import { formatDate } from '../state/dates';
import { pathOf } from '../state/page/address';
import { LightDomElement } from '../ui/light-dom-element';
import { moveFocusInList, isPlainClick } from '../ui/links';
import { StoreController } from '../ui/store-controller';
import { searchWords as words } from '../words/sidebar';
import { isFileQuestion, plainSnippet } from './snippets';

/** The titles and messages that the search found. Fires `navigate` when the user opens one of them. */
export class SearchResults extends LightDomElement {
  static override properties = { app: { attribute: false }, titles: { state: true } };

  declare app: App;
  /** The titles of conversations that are not listed yet, by id. */
  declare titles: ReadonlyMap<string, string>;

  readonly #state = new StoreController(this);

  constructor() {
    super();
    this.titles = new Map();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#state.store = this.app.conversations.search.state;
  }

  protected override render() {
    const { phase, titles, hits } = this.app.conversations.search.state.value;
    const isEmpty = titles.length === 0 && hits.length === 0;
    return html`<div class="conversations hits" aria-busy=${phase === 'searching'}>
      <p class="visually-hidden" role="status">${this.#announcement()}</p>
      ${phase === 'searching' && isEmpty ? this.#skeleton() : nothing}
      ${phase === 'failed' ? this.#failure() : nothing}
      ${phase === 'ready' && isEmpty ? this.#noHits() : nothing}
      <ul>
        ${repeat(
          titles,
          (hit) => hit.conversation_id,
          (hit) => html`<li>${this.#titleHit(hit)}</li>`,
        )}
        ${repeat(
          hits,
          (hit) => hit.message_id,
          (hit) => html`<li>${this.#hit(hit)}</li>`,
        )}
      </ul>
    </div>`;
  }

  protected override updated(): void {
    void this.#loadTitles();
  }

  #announcement(): string {
    const { phase, titles, hits, problem } = this.app.conversations.search.state.value;
    if (phase !== 'ready' || problem !== null) return '';
    const messages = words.messages(hits.length);
    if (titles.length === 0) return messages;
    return `${words.titles(titles.length)}. ${messages}`;
  }

  #skeleton() {
    return html`<div class="skeleton rows" aria-hidden="true">
      ${[55, 90, 72, 82].map((width) => html`<span class="bar w${width}"></span>`)}
    </div>`;
  }

  #failure() {
    const { search } = this.app.conversations;
    return html`<div class="hint" role="alert">
      <p>${search.state.value.problem}</p>
      <button class="link" type="button" @click=${() => search.retry()}>${words.tryAgain()}</button>
    </div>`;
  }

  #noHits() {
    const { problem, query } = this.app.conversations.search.state.value;
    return html`<div class="hint">
      <p>${problem ?? words.noResults(query.trim())}</p>
      <p class="helper-text">${words.hint()}</p>
    </div>`;
  }

  #titleHit({ conversation_id: id, title, updated_at }: TitleHit) {
    return this.#link(
      id,
      null,
      html`<strong dir="auto">${marked(title)}</strong> <small>${date(updated_at)}</small>`,
    );
  }

  #hit({ conversation_id: id, position, role, created_at, snippet }: SearchHit) {
    const original = snippet.map(({ text }) => text);
    const texts = plainSnippet(original);
    const parts = snippet.map((part, index) => ({ ...part, text: texts[index] ?? '' }));
    return this.#link(
      id,
      position,
      html`<strong dir="auto">${this.#title(id)}</strong>
        <span class="snippet" dir="auto">${marked(parts)}</span>
        <small>${words.author(authorOf(role, original.join('')), date(created_at))}</small>`,
    );
  }

  /** Returns a link to a conversation, or to the message at this position. */
  #link(id: string, position: number | null, content: TemplateResult) {
    const open = (event: MouseEvent) => {
      if (!isPlainClick(event)) return;
      event.preventDefault();
      void this.app.open(id, position);
      this.dispatchEvent(new CustomEvent('navigate', { bubbles: true }));
    };
    return html`<a
      class="hit"
      href=${pathOf(id, position)}
      @click=${open}
      @keydown=${this.#handleKeydown}
      >${content}</a
    >`;
  }

  #title(id: string): string {
    return this.app.conversations.find(id)?.title ?? this.titles.get(id) ?? words.untitled();
  }

  async #loadTitles(): Promise<void> {
    const { conversations } = this.app;
    const ids = new Set(conversations.search.state.value.hits.map((hit) => hit.conversation_id));
    const untitled = [...ids].filter((id) => !conversations.find(id) && !this.titles.has(id));
    if (untitled.length === 0) return;
    // Set placeholders first, so that no title is requested twice.
    this.titles = new Map([
      ...this.titles,
      ...untitled.map((id) => [id, words.untitled()] as const),
    ]);
    const loaded = await Promise.all(untitled.map((id) => conversations.loadTitle(id)));
    this.titles = new Map([
      ...this.titles,
      ...untitled.map((id, index) => [id, loaded[index] ?? words.untitled()] as const),
    ]);
  }

  #handleKeydown(event: KeyboardEvent): void {
    const field = document.querySelector<HTMLElement>('#search');
    const first = this.querySelector('.hit');
    if (event.key === 'ArrowUp' && event.currentTarget === first) field?.focus();
    else if (event.key === 'Escape') field?.focus();
    else if (!moveFocusInList(event, '.hits', '.hit')) return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function marked(parts: readonly SnippetPart[]) {
  return parts.map(({ text, matched }) => (matched ? html`<mark>${text}</mark>` : text));
}

function authorOf(role: SearchHit['role'], snippet: string): string {
  if (role !== 'user') return words.answer();
  return isFileQuestion(snippet) ? words.file() : words.you();
}

function date(timestamp: string): string {
  return formatDate(new Date(timestamp));
}

customElements.define('webchat-search-results', SearchResults);
