import { storageKey } from '../state/storage';

/** A new message or, if `message_id` is set, a new version of that question. */
export interface OutgoingMessage {
  message: string;
  conversation_id: string;
  client_message_id: string;
  message_id?: string;
}

/** A message in the outbox, as it is saved in the browser's storage. */
export interface OutboxMessage extends OutgoingMessage {
  /** Why the server rejected it; `null` while it is pending. */
  refused: string | null;
  /** The error code of the rejection. */
  code?: string;
}

const KEY = storageKey('outbox');

/**
 * Messages that the server has not accepted. They survive a reload. The pending ones are sent again with
 * the same `client_message_id`, so that none is lost and none is stored twice.
 */
export class Outbox {
  readonly #messages = new Map<string, OutboxMessage>();

  constructor(private readonly storage: Storage | null) {
    for (const message of this.#read()) this.#messages.set(message.client_message_id, message);
  }

  /** The messages that the server has neither accepted nor rejected. */
  pending(): OutboxMessage[] {
    return [...this.#messages.values()].filter(({ refused }) => refused === null);
  }

  forConversation(conversationId: string): OutboxMessage[] {
    return [...this.#messages.values()].filter(
      (message) => message.conversation_id === conversationId,
    );
  }

  put(message: OutgoingMessage): void {
    this.#messages.set(message.client_message_id, { ...message, refused: null });
    this.#write();
  }

  reject(clientMessageId: string, reason: string, code: string): void {
    const message = this.#messages.get(clientMessageId);
    if (!message) return;
    this.#messages.set(clientMessageId, { ...message, refused: reason, code });
    this.#write();
  }

  remove(clientMessageId: string): void {
    if (this.#messages.delete(clientMessageId)) this.#write();
  }

  #read(): OutboxMessage[] {
    try {
      return JSON.parse(this.storage?.getItem(KEY) ?? '[]') as OutboxMessage[];
    } catch {
      return [];
    }
  }

  #write(): void {
    try {
      this.storage?.setItem(KEY, JSON.stringify([...this.#messages.values()]));
    } catch {
      // The storage is full. The message is still sent, but does not survive a reload.
    }
  }
}
