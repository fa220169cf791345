import type { LiveSocket } from '../api/socket';
import { newClientMessageId } from '../state/composer/client-message-id';
import type { Store } from '../state/store';
import type { Thread } from '../state/thread/thread';

/** What the user does to messages that are stored, in the conversation that is open. */
export class Turns {
  constructor(
    private readonly thread: Store<Thread>,
    private readonly socket: LiveSocket,
    private readonly notice: Store<string | null>,
  ) {}

  beginEdit(messageId: string): void {
    const text = this.thread.value.find(messageId)?.content;
    if (text === undefined) return;
    this.thread.value.edit({
      messageId,
      text,
      clientMessageId: null,
      isSent: false,
      problem: null,
    });
  }

  cancelEdit(): void {
    const name = this.thread.value.state.value.editing?.clientMessageId;
    if (name) this.socket.outbox.drop(name);
    this.thread.value.edit(null);
  }

  /** Asks the question that is edited in these words: a new version of it, with its own answer. */
  saveEdit(message: string): void {
    const { conversationId, state } = this.thread.value;
    const { editing } = state.value;
    if (conversationId === null || editing === null) return;
    const { messageId } = editing;
    if (message === this.thread.value.find(messageId)?.content) {
      this.cancelEdit();
      return;
    }
    const clientMessageId = editing.clientMessageId ?? newClientMessageId();
    this.thread.value.edit({
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
    this.#command('regenerate', messageId);
  }

  goOn(messageId: string): void {
    this.#command('continue', messageId);
  }

  select(messageId: string): void {
    this.#command('select_version', messageId);
  }

  #command(command: 'regenerate' | 'continue' | 'select_version', messageId: string): void {
    const isSaid = this.socket.command(command, {
      conversation_id: this.thread.value.conversationId,
      message_id: messageId,
    });
    if (!isSaid) this.notice.set('There is no connection. Please try again when it is back.');
  }
}
