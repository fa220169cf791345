import type { LiveSocket } from '../api/socket';
import type { FrameRejection, MessageCommand } from '../api/types';
import { newClientMessageId } from '../state/composer/client-message-id';
import type { Store } from '../state/store';
import type { Thread } from '../state/thread/thread';

/** The user's actions on stored messages of the open conversation. */
export class TurnActions {
  #lastCommand: MessageCommand | null = null;

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

  /** Returns what sends a rejected command again; `null` if the rejection is not that of the last command. */
  retryOf({ event, conversation_id: id }: FrameRejection): (() => void) | null {
    const command = this.#lastCommand;
    if (command === null || command.event !== event || command.data.conversation_id !== id) {
      return null;
    }
    return () => void this.socket.sendCommand(command);
  }

  #send(event: MessageCommand['event'], messageId: string): void {
    const { conversationId } = this.thread.value;
    if (conversationId === null) return;
    const command = { event, data: { conversation_id: conversationId, message_id: messageId } };
    this.#lastCommand = command;
    const isSent = this.socket.sendCommand(command);
    if (!isSent)
      this.notice.set('You are not connected. Please try again when the connection is back.');
  }
}
