import type { TextStorage } from '../../state/storage';

/** A new message or, if `message_id` is set, a new version of that question. */
export interface OutgoingMessage {
  message: string;
  /** The conversation; `null` while it is not created yet. */
  conversation_id: string | null;
  client_message_id: string;
  message_id?: string;
  /** The model that answers, if that of the conversation is not saved yet. */
  model?: string;
  /** The key of the new chat that the message was written in. Its conversation is created with this key. */
  start_key?: string;
}

/** A message whose conversation exists. */
export type AddressedMessage = OutboxMessage & { conversation_id: string };

/** A message in the outbox, as it is saved in the browser's storage. */
export interface OutboxMessage extends OutgoingMessage {
  /** Why the server rejected it; `null` while it is pending. */
  refused: string | null;
  /** The error code of the rejection. */
  code?: string;
  /** When the user sent it, in milliseconds since 1970. */
  queued_at: number;
}

const PREFIX = 'outbox.';

/**
 * Messages that the server has not accepted. All tabs share them, and they survive a reload. Each message has
 * its own entry in the storage, so that tabs don't overwrite each other's. Any tab may send a message: the
 * server stores it once, because it is sent with the same `client_message_id`.
 */
export class Outbox {
  /** Called when another tab has added or changed a message. */
  onforeignmessage: (message: OutboxMessage) => void = () => {};
  /** The ids of the messages of this tab. */
  readonly #own = new Set<string>();

  constructor(private readonly storage: TextStorage) {}

  /** The messages that the server has neither accepted nor rejected, oldest first. */
  pending(): OutboxMessage[] {
    return this.#all().filter(({ refused }) => refused === null);
  }

  forConversation(conversationId: string): OutboxMessage[] {
    return this.#all().filter((message) => message.conversation_id === conversationId);
  }

  /** The messages of a new chat whose conversation does not exist yet. */
  forNewChat(startKey: string): OutboxMessage[] {
    return this.#all().filter(
      (message) => message.conversation_id === null && message.start_key === startKey,
    );
  }

  /** The keys of the new chats with messages, oldest first. With `pending`, only those with pending messages. */
  startKeys(which: 'all' | 'pending' = 'all'): string[] {
    const messages = which === 'all' ? this.#all() : this.pending();
    const keys = messages.filter(({ conversation_id: id }) => id === null);
    return [...new Set(keys.map(({ start_key: key }) => key))].filter((key) => key !== undefined);
  }

  /** Whether this tab has sent the message since it was loaded. */
  isOwn(clientMessageId: string): boolean {
    return this.#own.has(clientMessageId);
  }

  /** Returns `false` if the message is in memory only, so that it does not survive a reload. */
  put(message: OutgoingMessage): boolean {
    this.#own.add(message.client_message_id);
    return this.#write({ ...message, refused: null, queued_at: Date.now() });
  }

  /** Addresses the messages of a new chat to the conversation that was created for it. */
  assign(startKey: string, conversationId: string): void {
    for (const message of this.forNewChat(startKey)) {
      this.#write({ ...message, conversation_id: conversationId });
    }
  }

  reject(clientMessageId: string, reason: string, code: string): void {
    const message = this.#read(clientMessageId);
    if (message) this.#write({ ...message, refused: reason, code });
  }

  remove(clientMessageId: string): void {
    this.#own.delete(clientMessageId);
    this.storage.remove(PREFIX + clientMessageId);
  }

  /** Whether the message is a new version of a question. */
  isEdit(clientMessageId: string): boolean {
    return this.#read(clientMessageId)?.message_id !== undefined;
  }

  /** Handles a change of the storage by another tab. */
  handleStorageChange(name: string): void {
    if (!name.startsWith(PREFIX)) return;
    const message = this.#read(name.slice(PREFIX.length));
    if (message) this.onforeignmessage(message);
  }

  #all(): OutboxMessage[] {
    return this.storage
      .names(PREFIX)
      .map((name) => this.#read(name.slice(PREFIX.length)))
      .filter((message) => message !== null)
      .toSorted((one, other) => one.queued_at - other.queued_at);
  }

  #read(clientMessageId: string): OutboxMessage | null {
    try {
      return JSON.parse(
        this.storage.get(PREFIX + clientMessageId) ?? 'null',
      ) as OutboxMessage | null;
    } catch {
      return null;
    }
  }

  #write(message: OutboxMessage): boolean {
    return this.storage.set(PREFIX + message.client_message_id, JSON.stringify(message));
  }
}

export function isAddressed(message: OutboxMessage): message is AddressedMessage {
  return message.conversation_id !== null;
}
