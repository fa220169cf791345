import { html, nothing, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';

import type { SearchHit } from '../api/types';
import type { App } from '../app/app';
import { pathOf } from '../state/page/address';
import { stripMarkdown } from '../state/thread/sentences';
import { LightDomElement } from '../ui/light-dom-element';
import { moveFocusInList, isPlainClick } from '../ui/links';
import { StoreController } from '../ui/store-controller';

/** The hits of the search. Fires `navigate` when the user opens one of them. */
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
    const { phase, hits } = this.app.conversations.search.state.value;
    return html`<div class="conversations hits" aria-busy=${phase === 'searching'}>
      <p class="visually-hidden" role="status">${this.#announcement()}</p>
      ${phase === 'searching' && hits.length === 0 ? this.#skeleton() : nothing}
      ${phase === 'failed' ? this.#failure() : nothing}
      ${phase === 'ready' && hits.length === 0 ? this.#noHits() : nothing}
      <ul>
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
    const { phase, hits, problem } = this.app.conversations.search.state.value;
    if (phase !== 'ready' || problem !== null) return '';
    return hits.length === 1 ? 'One message found' : `${hits.length} messages found`;
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
      <button class="link" type="button" @click=${() => search.retry()}>Try again</button>
    </div>`;
  }

  #noHits() {
    const { problem } = this.app.conversations.search.state.value;
    return html`<div class="hint">
      <p>${problem ?? 'No messages found.'}</p>
      <p class="aside">
        Whole words also match their other forms. Use <kbd>"quotes"</kbd> for an exact phrase and
        <kbd>-word</kbd> to exclude a word.
      </p>
    </div>`;
  }

  #hit({ conversation_id: id, position, role, created_at, snippet }: SearchHit) {
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
    >
      <strong dir="auto">${this.#title(id)}</strong>
      <span class="snippet" dir="auto"
        >${snippet.map(({ text, matched }) =>
          matched ? html`<mark>${stripMarkdown(text)}</mark>` : stripMarkdown(text),
        )}</span
      >
      <small
        >${role === 'user' ? 'You' : 'Answer'},
        ${new Date(created_at).toLocaleDateString('en', { dateStyle: 'medium' })}</small
      >
    </a>`;
  }

  #title(id: string): string {
    return this.app.conversations.find(id)?.title ?? this.titles.get(id) ?? 'Conversation';
  }

  async #loadTitles(): Promise<void> {
    const { conversations } = this.app;
    const ids = new Set(conversations.search.state.value.hits.map((hit) => hit.conversation_id));
    const untitled = [...ids].filter((id) => !conversations.find(id) && !this.titles.has(id));
    if (untitled.length === 0) return;
    // Set placeholders first, so that no title is requested twice.
    this.titles = new Map([...this.titles, ...untitled.map((id) => [id, 'Conversation'] as const)]);
    const loaded = await Promise.all(untitled.map((id) => conversations.loadTitle(id)));
    this.titles = new Map([
      ...this.titles,
      ...untitled.map((id, index) => [id, loaded[index] ?? 'Conversation'] as const),
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

customElements.define('webchat-search-results', SearchResults);
