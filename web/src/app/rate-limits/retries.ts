import type { LiveSocket } from '../../api/connection/socket';
import type { Store } from '../../state/store';
import type { Thread } from '../../state/thread/thread';

/**
 * Sends messages again that the server rejected only for the moment, for example because of a rate limit. The
 * user sees a countdown and can cancel.
 */
export class Retries {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly socket: LiveSocket,
    private readonly thread: Store<Thread>,
  ) {}

  schedule(conversationId: string, clientMessageId: string, at: number): void {
    clearTimeout(this.#timers.get(clientMessageId));
    const timer = setTimeout(() => this.#resend(conversationId, clientMessageId), at - Date.now());
    this.#timers.set(clientMessageId, timer);
  }

  /** Keeps the message unsent, until the user sends it again. */
  cancel(clientMessageId: string): void {
    clearTimeout(this.#timers.get(clientMessageId));
    this.#timers.delete(clientMessageId);
    this.thread.value.cancelRetry(clientMessageId);
  }

  #resend(conversationId: string, clientMessageId: string): void {
    this.#timers.delete(clientMessageId);
    // The user may have sent or withdrawn the message in the meantime, also in another tab.
    const message = this.socket.outbox
      .forConversation(conversationId)
      .find(({ client_message_id: id, refused }) => id === clientMessageId && refused !== null);
    if (!message) return;
    this.thread.value.markSending(clientMessageId);
    const { refused: _refused, code: _code, queued_at: _queuedAt, ...outgoing } = message;
    this.socket.send(outgoing);
  }
}
