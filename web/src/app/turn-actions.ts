import type { LiveSocket } from '../api/socket';
import type { MessageCommand } from '../api/types';
import { newClientMessageId } from '../state/composer/client-message-id';
import type { Store } from '../state/store';
import type { Thread } from '../state/thread/thread';

/** The user's actions on stored messages of the open conversation. */
export class TurnActions {
  constructor(
    private readonly thread: Store<Thread>,
    private readonly socket: LiveSocket,
    private readonly notice: Store<string | null>,
  ) {}

  beginEdit(messageId: string): void {
    const text = this.thread.value.find(messageId)?.content;
    if (text === undefined) return;
    this.thread.value.setEdit({
      messageId,
      text,
      clientMessageId: null,
      isSent: false,
      problem: null,
    });
  }

  cancelEdit(): void {
    const clientMessageId = this.thread.value.state.value.edit?.clientMessageId;
    if (clientMessageId) this.socket.outbox.remove(clientMessageId);
    this.thread.value.setEdit(null);
  }

  /** Sends the edited text as a new version of the question, which gets its own answer. */
  saveEdit(message: string): void {
    const { conversationId, state } = this.thread.value;
    const { edit } = state.value;
    if (conversationId === null || edit === null) return;
    const { messageId } = edit;
    if (message === this.thread.value.find(messageId)?.content) {
      this.cancelEdit();
      return;
    }
    const clientMessageId = edit.clientMessageId ?? newClientMessageId();
    this.thread.value.setEdit({
      messageId,
      text: message,
      clientMessageId,
      isSent: true,
      problem: null,
    });
    this.socket.send({
      message,
      conversation_id: conversationId,
      client_message_id: clientMessageId,
      message_id: messageId,
    });
  }

  regenerate(messageId: string): void {
    this.#send('regenerate', messageId);
  }

  continueAnswer(messageId: string): void {
    this.#send('continue', messageId);
  }

  selectVersion(messageId: string): void {
    this.#send('select_version', messageId);
  }

  #send(event: MessageCommand['event'], messageId: string): void {
    const { conversationId } = this.thread.value;
    if (conversationId === null) return;
    const isSent = this.socket.sendCommand({
      event,
      data: { conversation_id: conversationId, message_id: messageId },
    });
    if (!isSent)
      this.notice.set('You are not connected. Please try again when the connection is back.');
  }
}
