import type { Conversation } from '../../api/types';
import type { TextStorage } from '../storage';

/** Each deletion has its own entry, so that tabs don't overwrite each other's. */
const PREFIX = 'removal.';

/** After this time, the tab that could undo a deletion must have crashed or been closed. */
const ABANDONED_AFTER_MS = 60_000;

/**
 * Conversations that the user has deleted, but the server has not yet. They are kept in the browser's
 * storage, so that they do not reappear if the tab crashes.
 */
export class PendingDeletions {
  readonly #own = new Map<string, Conversation>();

  constructor(
    private readonly storage: TextStorage,
    private readonly now: () => number = Date.now,
  ) {}

  add(conversation: Conversation): void {
    this.#own.set(conversation.conversation_id, conversation);
    this.storage.set(PREFIX + conversation.conversation_id, String(this.now()));
  }

  /** Removes the entry. Returns the conversation, or `undefined` if another tab deleted it. */
  take(id: string): Conversation | undefined {
    const conversation = this.#own.get(id);
    this.#own.delete(id);
    this.storage.remove(PREFIX + id);
    return conversation;
  }

  /** The ids of the deletions that this tab can still undo. */
  ownIds(): string[] {
    return [...this.#own.keys()];
  }

  /** The ids of the pending deletions of all tabs. */
  allIds(): string[] {
    return this.storage.names(PREFIX).map((name) => name.slice(PREFIX.length));
  }

  /** The ids of the deletions whose tab ended without committing them. */
  abandonedIds(): string[] {
    const oldest = this.now() - ABANDONED_AFTER_MS;
    return this.allIds().filter((id) => !this.#own.has(id) && this.#deletedAt(id) < oldest);
  }

  #deletedAt(id: string): number {
    return Number(this.storage.get(PREFIX + id) ?? 0);
  }
}
