import { ApiError } from '../../api/client';
import type { SearchHit } from '../../api/types';
import { Store } from '../store';

export interface SearchState {
  words: string;
  phase: 'idle' | 'searching' | 'ready' | 'failed';
  hits: readonly SearchHit[];
  /** Why nothing can be found. */
  problem: string | null;
}

const IDLE: SearchState = { words: '', phase: 'idle', hits: [], problem: null };

/** A pause in the typing after which is searched. */
export const PAUSE_MS = 150;

/** Finds messages while their words are typed; only the newest question's answer counts. */
export class Search {
  readonly state = new Store<SearchState>(IDLE);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  constructor(private readonly find: (words: string) => Promise<SearchHit[]>) {}

  type(words: string): void {
    clearTimeout(this.#timer);
    this.#asked += 1;
    if (words.trim() === '') {
      this.state.set({ ...IDLE, words });
      return;
    }
    // What was found stays until the next is there: nothing jumps while one types.
    this.state.update((state) => ({ ...state, words, phase: 'searching', problem: null }));
    this.#timer = setTimeout(() => void this.#ask(), PAUSE_MS);
  }

  async again(): Promise<void> {
    this.state.update((state) => ({ ...state, phase: 'searching', problem: null }));
    await this.#ask();
  }

  async #ask(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    const answer = await this.#answer();
    if (asked === this.#asked) this.state.update((state) => ({ ...state, ...answer }));
  }

  async #answer(): Promise<Omit<SearchState, 'words'>> {
    try {
      const hits = await this.find(this.state.value.words.trim());
      return { phase: 'ready', hits, problem: null };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      const isEmpty = error instanceof ApiError && error.code === 'empty_search';
      return { phase: isEmpty ? 'ready' : 'failed', hits: [], problem };
    }
  }
}
