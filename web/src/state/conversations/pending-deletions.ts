import type { Conversation } from '../../api/types';
import { storageKey } from '../storage';

/** The time of each deletion, in milliseconds since 1970, by conversation id. */
type Pending = Record<string, number>;

const KEY = storageKey('removals');

/** After this time, the tab that could undo a deletion must have crashed or been closed. */
const ABANDONED_AFTER_MS = 60_000;

/**
 * Conversations that the user has deleted, but the server has not yet. They are kept in the browser's
 * storage, so that they do not reappear if the tab crashes.
 */
export class PendingDeletions {
  readonly #own = new Map<string, Conversation>();

  constructor(
    private readonly storage: Storage | null,
    private readonly now: () => number = Date.now,
  ) {}

  add(conversation: Conversation): void {
    this.#own.set(conversation.conversation_id, conversation);
    this.#write({ ...this.#read(), [conversation.conversation_id]: this.now() });
  }

  /** Removes the entry. Returns the conversation, or `undefined` if another tab deleted it. */
  take(id: string): Conversation | undefined {
    const conversation = this.#own.get(id);
    this.#own.delete(id);
    const { [id]: _, ...others } = this.#read();
    this.#write(others);
    return conversation;
  }

  /** The ids of the deletions that this tab can still undo. */
  ownIds(): string[] {
    return [...this.#own.keys()];
  }

  /** The ids of the pending deletions of all tabs. */
  allIds(): string[] {
    return Object.keys(this.#read());
  }

  /** The ids of the deletions whose tab ended without committing them. */
  abandonedIds(): string[] {
    const oldest = this.now() - ABANDONED_AFTER_MS;
    return Object.entries(this.#read())
      .filter(([id, deletedAt]) => deletedAt < oldest && !this.#own.has(id))
      .map(([id]) => id);
  }

  #read(): Pending {
    try {
      return JSON.parse(this.storage?.getItem(KEY) ?? '{}') as Pending;
    } catch {
      return {};
    }
  }

  #write(pending: Pending): void {
    try {
      if (Object.keys(pending).length === 0) this.storage?.removeItem(KEY);
      else this.storage?.setItem(KEY, JSON.stringify(pending));
    } catch {
      // Without storage, the conversations reappear if this tab crashes.
    }
  }
}
