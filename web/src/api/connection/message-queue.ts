import { type AddressedMessage, isAddressed, type Outbox } from './outbox';
import type { ClientEvent, ServerEvent } from '../types';

/** How long a message is left to the tab in which it was written, before this tab sends it. */
const OTHER_TAB_GRACE_MS = 5000;

/** A message that had to wait for an answer is tried again after this time, even if no event reports its end. */
const RETRY_MS = 5000;

/** A message without a response is sent again after this time. */
const RESPONSE_TIMEOUT_MS = 20_000;

/**
 * Sends the messages in the outbox while the connection is open: for each conversation one at a time, because
 * the server refuses a message while it is generating an answer. Sending a message twice is harmless: the server
 * detects duplicates by `client_message_id`.
 */
export class MessageQueue {
  /** When each message without a response was sent, by `client_message_id`. */
  readonly #sentAt = new Map<string, number>();
  /** The conversations in which an answer is being generated. */
  readonly #busy = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Messages of other tabs are sent at once after connecting: their tab may have been closed. */
  #isAfterConnect = false;

  constructor(
    private readonly outbox: Outbox,
    private readonly send: (event: ClientEvent) => void,
  ) {}

  /** Sends everything again on a new connection. */
  restart(): void {
    this.pause();
    this.#isAfterConnect = true;
    this.flush();
    this.#isAfterConnect = false;
  }

  pause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sentAt.clear();
    this.#busy.clear();
  }

  /** Sends the messages whose turn it is. */
  flush(): void {
    const conversations = new Set<string>();
    const pending = this.outbox.pending().filter(isAddressed);
    for (const message of pending) {
      const { conversation_id: id } = message;
      if (conversations.has(id) || this.#busy.has(id)) continue;
      conversations.add(id);
      if (this.#isDue(message)) this.#send(message);
    }
    if (pending.length > 0) this.#flushLater();
  }

  /** Updates the outbox. Returns whether the event needs no further handling. */
  handle(event: ServerEvent): boolean {
    switch (event.event) {
      case 'message_accepted':
        if (event.data.client_message_id) this.#remove(event.data.client_message_id);
        return false;
      case 'response_end':
        this.#busy.delete(event.data.conversation_id);
        this.flush();
        return false;
      case 'error':
        return !('turn_id' in event.data) && this.#handleRejection(event.data);
      default:
        return false;
    }
  }

  /** A message that only comes too early stays in the outbox. */
  #handleRejection(error: Extract<ServerEvent, { event: 'error' }>['data']): boolean {
    if (!('client_message_id' in error) || !error.client_message_id) return false;
    const { client_message_id: id, message, code, conversation_id: conversationId } = error;
    this.#sentAt.delete(id);
    if (code === 'shutting_down') return true;
    if (code === 'turn_in_progress' && conversationId && !this.outbox.isEdit(id)) {
      this.#busy.add(conversationId);
      this.#flushLater();
      return true;
    }
    this.outbox.reject(id, message, code);
    this.flush();
    return false;
  }

  #remove(clientMessageId: string): void {
    this.#sentAt.delete(clientMessageId);
    this.outbox.remove(clientMessageId);
  }

  #isDue({ client_message_id: id, queued_at: queuedAt }: AddressedMessage): boolean {
    const now = Date.now();
    const sentAt = this.#sentAt.get(id);
    if (sentAt !== undefined) return now - sentAt >= RESPONSE_TIMEOUT_MS;
    return this.#isAfterConnect || this.outbox.isOwn(id) || now - queuedAt >= OTHER_TAB_GRACE_MS;
  }

  #send({
    message,
    conversation_id,
    client_message_id,
    message_id,
    model,
  }: AddressedMessage): void {
    this.#sentAt.set(client_message_id, Date.now());
    const data = { message, conversation_id, client_message_id, ...(model && { model }) };
    if (message_id === undefined) this.send({ event: 'send_message', data });
    else this.send({ event: 'edit_message', data: { ...data, message_id } });
  }

  #flushLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // The end of an answer in a conversation that is not open is not reported.
      this.#busy.clear();
      this.flush();
    }, RETRY_MS);
  }
}
