import type { Conversation } from '../../api/types';

/** What was deleted and may still be undone: the conversations' ids, and when it was. */
type Pending = Record<string, number>;

const KEY = 'webchat.removals';

/** After so long the tab that could have undone it is surely gone. */
const LEFT_BEHIND_MS = 60_000;

/**
 * Conversations that were deleted by the user, and not yet on the server. They are kept in the
 * browser's storage, so that a tab that crashed does not bring them back.
 */
export class Removals {
  #known = new Map<string, Conversation>();

  constructor(
    private readonly storage: Storage | null,
    private readonly now: () => number = Date.now,
  ) {}

  begin(conversation: Conversation): void {
    this.#known.set(conversation.conversation_id, conversation);
    this.#write({ ...this.#read(), [conversation.conversation_id]: this.now() });
  }

  /** What it was; `undefined` if it has been settled already. */
  take(id: string): Conversation | undefined {
    const conversation = this.#known.get(id);
    this.#known.delete(id);
    const { [id]: _, ...others } = this.#read();
    this.#write(others);
    return conversation;
  }

  /** Those that this tab may still undo. */
  ids(): string[] {
    return [...this.#known.keys()];
  }

  /** All that are deleted for the user's eyes, by whichever tab. */
  hidden(): string[] {
    return Object.keys(this.#read());
  }

  /** Those whose tab went away without deleting them. */
  leftBehind(): string[] {
    const oldest = this.now() - LEFT_BEHIND_MS;
    return Object.entries(this.#read())
      .filter(([id, since]) => since < oldest && !this.#known.has(id))
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
      // Without storage a tab that crashes brings them back.
    }
  }
}
