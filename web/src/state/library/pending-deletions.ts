import type { Conversation } from '../../api/types';

/** When each conversation was deleted, by id, in milliseconds since 1970. */
type Pending = Record<string, number>;

const KEY = 'webchat.removals';

/** After this time the tab that could undo the deletion must be gone. */
const ABANDONED_AFTER_MS = 60_000;

/**
 * Conversations that the user has deleted and the server still has. They are kept in the browser's
 * storage, so that they do not reappear after a crash of the tab.
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

  /** Removes the entry. Returns `undefined` if this tab has none. */
  take(id: string): Conversation | undefined {
    const conversation = this.#own.get(id);
    this.#own.delete(id);
    const { [id]: _, ...others } = this.#read();
    this.#write(others);
    return conversation;
  }

  /** The ids that this tab can still undo. */
  own(): string[] {
    return [...this.#own.keys()];
  }

  /** The ids of all tabs. */
  all(): string[] {
    return Object.keys(this.#read());
  }

  /** The ids whose tab ended without committing the deletion. */
  abandoned(): string[] {
    const oldest = this.now() - ABANDONED_AFTER_MS;
    return Object.entries(this.#read())
      .filter(([id, since]) => since < oldest && !this.#own.has(id))
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
      // Without storage, they reappear if this tab crashes.
    }
  }
}
