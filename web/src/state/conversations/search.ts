import { errorCode, errorMessage } from '../../api/http';
import type { SearchHit, SearchHits, TitleHit } from '../../api/types';
import { Store } from '../store';

export interface SearchState {
  query: string;
  phase: 'idle' | 'searching' | 'ready' | 'failed';
  /** The conversations with matching titles. */
  titles: readonly TitleHit[];
  hits: readonly SearchHit[];
  /** Why the search failed, or why the query is invalid. */
  problem: string | null;
}

const IDLE: SearchState = { query: '', phase: 'idle', titles: [], hits: [], problem: null };

/** The pause in typing after which a search starts. */
export const DEBOUNCE_MS = 150;

/** Searches titles and messages as the user types. Responses to outdated queries are dropped. */
export class Search {
  readonly state = new Store<SearchState>(IDLE);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #requests = 0;

  constructor(private readonly find: (query: string) => Promise<SearchHits>) {}

  setQuery(query: string): void {
    clearTimeout(this.#timer);
    this.#requests += 1;
    if (query.trim() === '') {
      this.state.set({ ...IDLE, query });
      return;
    }
    // The old hits stay until the new ones arrive, so that the list does not flicker.
    this.state.update((state) => ({ ...state, query, phase: 'searching', problem: null }));
    this.#timer = setTimeout(() => void this.#search(), DEBOUNCE_MS);
  }

  async retry(): Promise<void> {
    this.state.update((state) => ({ ...state, phase: 'searching', problem: null }));
    await this.#search();
  }

  async #search(): Promise<void> {
    this.#requests += 1;
    const request = this.#requests;
    const result = await this.#fetch();
    if (request === this.#requests) this.state.update((state) => ({ ...state, ...result }));
  }

  async #fetch(): Promise<Omit<SearchState, 'query'>> {
    try {
      const { titles, hits } = await this.find(this.state.value.query.trim());
      return { phase: 'ready', titles, hits, problem: null };
    } catch (error) {
      return {
        phase: errorCode(error) === 'empty_search' ? 'ready' : 'failed',
        titles: [],
        hits: [],
        problem: errorMessage(error),
      };
    }
  }
}
