import type { Conversation, ConversationPage } from '../../api/types';
import { daysBetween, formatMonth } from '../dates';
import { dayWords as words } from '../../words/sidebar';
import { Store } from '../store';

export interface ConversationListState {
  phase: 'loading' | 'ready' | 'failed';
  /** Most recently updated first. */
  items: readonly Conversation[];
  nextCursor: string | null;
}

type FetchPage = (cursor: string | null) => Promise<ConversationPage>;

/** The loaded part of a list of conversations. */
export class ConversationList {
  readonly state = new Store<ConversationListState>({
    phase: 'loading',
    items: [],
    nextCursor: null,
  });
  /** The ids of conversations that the user has deleted, but the server has not yet. */
  readonly #hidden = new Set<string>();

  constructor(private readonly fetchPage: FetchPage) {}

  /** Loads or reloads the list. A reload loads at least as many items as there were. */
  async load(): Promise<void> {
    const { phase, items: previous } = this.state.value;
    if (phase === 'failed') this.state.update((state) => ({ ...state, phase: 'loading' }));
    try {
      const { conversations, next_cursor: nextCursor = null } = await this.#fetchAtLeast(
        previous.length,
      );
      this.state.set({ phase: 'ready', items: this.#visible(conversations), nextCursor });
    } catch {
      this.state.update((state) => ({
        ...state,
        phase: state.items.length > 0 ? 'ready' : 'failed',
      }));
    }
  }

  async loadMore(): Promise<void> {
    const { nextCursor } = this.state.value;
    if (nextCursor === null) return;
    const page = await this.fetchPage(nextCursor);
    this.state.update((state) => {
      // A concurrent call may have added the page already.
      if (state.nextCursor !== nextCursor) return state;
      const listed = new Set(state.items.map((item) => item.conversation_id));
      const added = this.#visible(page.conversations).filter(
        (item) => !listed.has(item.conversation_id),
      );
      return { ...state, items: [...state.items, ...added], nextCursor: page.next_cursor ?? null };
    });
  }

  find(id: string): Conversation | undefined {
    return this.state.value.items.find((item) => item.conversation_id === id);
  }

  /** Returns the conversation above or below; the first one if `id` is not listed. */
  neighbour(id: string | null, step: 1 | -1): Conversation | undefined {
    const { items } = this.state.value;
    const index = items.findIndex((item) => item.conversation_id === id);
    return index < 0 ? items[0] : items[index + step];
  }

  /** Inserts or replaces a conversation, and keeps the order. Removes one that has become empty. */
  upsert(conversation: Conversation): void {
    if (isEmptyChat(conversation)) this.remove(conversation.conversation_id);
    if (this.#visible([conversation]).length === 0) return;
    this.state.update((state) => {
      const others = without(state.items, conversation.conversation_id);
      const items = [...others, conversation].sort((left, right) =>
        right.updated_at.localeCompare(left.updated_at),
      );
      return { ...state, phase: 'ready', items };
    });
  }

  remove(id: string): void {
    this.state.update((state) => ({ ...state, items: without(state.items, id) }));
  }

  /** Keeps the conversation out of the list until `reveal`. */
  hide(id: string): void {
    this.#hidden.add(id);
    this.remove(id);
  }

  reveal(id: string): void {
    this.#hidden.delete(id);
  }

  #visible(conversations: readonly Conversation[]): Conversation[] {
    return conversations.filter(
      (item) => !this.#hidden.has(item.conversation_id) && !isEmptyChat(item),
    );
  }

  async #fetchAtLeast(count: number): Promise<ConversationPage> {
    let { conversations, next_cursor = null } = await this.fetchPage(null);
    while (next_cursor !== null && conversations.length < count) {
      const page = await this.fetchPage(next_cursor);
      conversations = [...conversations, ...page.conversations];
      next_cursor = page.next_cursor ?? null;
    }
    return { conversations, next_cursor };
  }
}

/** Whether nothing was ever written in the conversation. Such a chat is not listed. */
function isEmptyChat({ message_count: messageCount, title }: Conversation): boolean {
  return messageCount === 0 && title === null;
}

function without(items: readonly Conversation[], id: string): Conversation[] {
  return items.filter((item) => item.conversation_id !== id);
}

export interface DateGroup {
  label: string;
  items: Conversation[];
}

/** Groups conversations by the local date of their last update: by recent days, then by month. */
export function groupByDate(items: readonly Conversation[], now: Date): DateGroup[] {
  const groups: DateGroup[] = [];
  for (const item of items) {
    const label = dateLabel(new Date(item.updated_at), now);
    const last = groups.at(-1);
    if (last?.label === label) last.items.push(item);
    else groups.push({ label, items: [item] });
  }
  return groups;
}

function dateLabel(date: Date, now: Date): string {
  const age = daysBetween(date, now);
  if (age <= 0) return words.today();
  if (age === 1) return words.yesterday();
  if (age < 7) return words.lastWeek();
  return formatMonth(date);
}
