/** A message to send, or an edit of the question `message_id`. */
export interface OutgoingMessage {
  message: string;
  conversation_id: string;
  client_message_id: string;
  message_id?: string;
}

export interface Unsent extends OutgoingMessage {
  /** Why the server rejected it; `null` while it is pending. */
  refused: string | null;
  /** The code of that error. */
  code?: string;
}

const KEY = 'webchat.outbox';

/**
 * Messages that the server has not acknowledged. They survive a reload and are sent again with the
 * same `client_message_id`, so none is lost and none is stored twice.
 */
export class Outbox {
  readonly #messages = new Map<string, Unsent>();

  constructor(private readonly storage: Storage | null) {
    for (const message of this.#read()) this.#messages.set(message.client_message_id, message);
  }

  /** The messages that the server has neither accepted nor rejected. */
  pending(): Unsent[] {
    return [...this.#messages.values()].filter(({ refused }) => refused === null);
  }

  forConversation(conversationId: string): Unsent[] {
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

  #read(): Unsent[] {
    try {
      return JSON.parse(this.storage?.getItem(KEY) ?? '[]') as Unsent[];
    } catch {
      return [];
    }
  }

  #write(): void {
    try {
      this.storage?.setItem(KEY, JSON.stringify([...this.#messages.values()]));
    } catch {
      // The storage is full: the message is still sent from memory.
    }
  }
}
