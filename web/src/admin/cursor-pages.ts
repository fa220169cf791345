import { errorMessage } from '../api/http';
import { Store } from '../state/store';

export interface PageState<T> {
  items: readonly T[];
  isLoading: boolean;
  /** Why the page can’t be loaded; `null` if it can. */
  problem: string | null;
  hasNext: boolean;
  hasPrevious: boolean;
}

interface Page<T> {
  items: readonly T[];
  next: string | null;
}

/** A list that is shown page by page. The cursor of a page is in the response with the page before it. */
export class CursorPages<T> {
  readonly state = new Store<PageState<T>>({
    items: [],
    isLoading: true,
    problem: null,
    hasNext: false,
    hasPrevious: false,
  });

  /** The cursors of the shown page and of those before it. */
  #cursors: (string | null)[] = [null];
  #next: string | null = null;
  #loads = 0;

  constructor(private readonly fetchPage: (cursor: string | null) => Promise<Page<T>>) {}

  /** Shows the first page, after a change of the filter. */
  restart(): Promise<void> {
    this.#cursors = [null];
    return this.load();
  }

  async next(): Promise<void> {
    if (this.#next === null || this.state.value.isLoading) return;
    this.#cursors.push(this.#next);
    await this.load();
  }

  async previous(): Promise<void> {
    if (this.#cursors.length < 2 || this.state.value.isLoading) return;
    this.#cursors.pop();
    await this.load();
  }

  /** Loads the shown page again. The response of an earlier call is ignored. */
  async load(): Promise<void> {
    this.#loads += 1;
    const load = this.#loads;
    this.state.update((state) => ({ ...state, isLoading: true, problem: null }));
    try {
      const { items, next } = await this.fetchPage(this.#cursors.at(-1) ?? null);
      if (load !== this.#loads) return;
      this.#next = next;
      this.state.set({
        items,
        isLoading: false,
        problem: null,
        hasNext: next !== null,
        hasPrevious: this.#cursors.length > 1,
      });
    } catch (error) {
      if (load !== this.#loads) return;
      const problem = errorMessage(error);
      this.state.update((state) => ({ ...state, isLoading: false, problem }));
    }
  }
}
