import type { SendMessage } from './types';

export interface Unsent extends SendMessage {
  /** Why the server refused it; `null` while it may still get through. */
  refused: string | null;
  /** The error's code. */
  code?: string;
}

const KEY = 'webchat.outbox';

/**
 * Messages that the server has not acknowledged. They outlive a reload, and are sent again under the
 * same `client_message_id`, so that none is lost and none is stored twice.
 */
export class Outbox {
  readonly #messages = new Map<string, Unsent>();

  constructor(private readonly storage: Storage | null) {
    for (const message of this.#read()) this.#messages.set(message.client_message_id, message);
  }

  /** Those that may still get through. */
  pending(): Unsent[] {
    return [...this.#messages.values()].filter(({ refused }) => refused === null);
  }

  of(conversationId: string): Unsent[] {
    return [...this.#messages.values()].filter(
      (message) => message.conversation_id === conversationId,
    );
  }

  put(message: SendMessage): void {
    this.#messages.set(message.client_message_id, { ...message, refused: null });
    this.#write();
  }

  refuse(clientMessageId: string, why: string, code: string): void {
    const message = this.#messages.get(clientMessageId);
    if (!message) return;
    this.#messages.set(clientMessageId, { ...message, refused: why, code });
    this.#write();
  }

  drop(clientMessageId: string): void {
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
      // The storage is full: the message is still sent from here.
    }
  }
}
