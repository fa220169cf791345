import { retryDelay } from '../api/connection/backoff';
import { ApiError } from '../api/http';
import type { Conversation } from '../api/types';

const OTHER_TAB_GRACE_MS = 5000;

/** What waits for the conversations of new chats, and is notified when they exist. */
export interface StarterHost {
  /** The keys of the new chats for which messages or files wait. */
  waitingKeys: () => readonly string[];
  onstarted: (startKey: string, conversation: Conversation) => void;
  /** Called when the conversation can't be created. It is tried again if the error is transient. */
  onfailed: (startKey: string, error: unknown) => void;
  oncancelled: (startKey: string) => void;
}

/**
 * Creates the conversations of new chats: one for each chat, however many messages, files and clicks ask for it,
 * in however many tabs. Every attempt sends the key of the chat, so the server creates its conversation once.
 */
export class ConversationStarter {
  readonly #starts = new Map<string, Promise<string | null>>();
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    /** Returns `null` if the user cancels it. */
    private readonly startConversation: (key: string) => Promise<Conversation | null>,
    private readonly host: StarterHost,
  ) {}

  /** Returns the id of the conversation, or `null` if it can't be created now. */
  start(startKey: string): Promise<string | null> {
    const current = this.#starts.get(startKey);
    if (current) return current;
    const start = this.#create(startKey).finally(() => this.#starts.delete(startKey));
    this.#starts.set(startKey, start);
    return start;
  }

  /** Creates all conversations that something waits for, for example when the connection is back. */
  resume(): void {
    clearTimeout(this.#timer);
    for (const key of this.host.waitingKeys()) void this.start(key);
  }

  /** Leaves the new chats of other tabs to them, unless they don't create the conversations soon. */
  resumeLater(): void {
    setTimeout(() => this.resume(), OTHER_TAB_GRACE_MS);
  }

  async #create(startKey: string): Promise<string | null> {
    try {
      const conversation = await this.startConversation(startKey);
      this.#failures = 0;
      if (conversation === null) {
        this.host.oncancelled(startKey);
        return null;
      }
      this.host.onstarted(startKey, conversation);
      return conversation.conversation_id;
    } catch (error) {
      this.host.onfailed(startKey, error);
      if (isTransient(error)) this.#retryLater(error.retryAt);
      return null;
    }
  }

  #retryLater(retryAt: number | null): void {
    this.#failures += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.resume(), retryDelay(this.#failures, retryAt));
  }
}

/** Whether the conversation may be created later, without any action of the user. */
export function isTransient(error: unknown): error is ApiError {
  return error instanceof ApiError && error.isTransient && error.code !== 'storage_full';
}
