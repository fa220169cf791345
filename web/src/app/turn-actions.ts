import type { LiveSocket } from '../api/connection/socket';
import type { FrameRejection, MessageCommand } from '../api/types';
import { newClientMessageId } from '../state/composer/client-message-id';
import type { AnalysedFiles } from '../state/composer/analysed-files';
import type { Drafts } from '../state/composer/drafts';
import type { Toasts } from '../state/page/toasts';
import type { Store } from '../state/store';
import type { Thread } from '../state/thread/thread';
import { appWords } from '../words/app';
import { editorWords } from '../words/composer';

/** The parts of the page that `TurnActions` depends on. */
export interface TurnActionsHost {
  thread: Store<Thread>;
  notice: Store<string | null>;
  toasts: Toasts;
  files: { readonly analysed: AnalysedFiles };
}

/** The user's actions on stored messages of the open conversation. */
export class TurnActions {
  #lastCommand: MessageCommand | null = null;

  constructor(
    private readonly socket: LiveSocket,
    private readonly drafts: Drafts,
    private readonly host: TurnActionsHost,
  ) {}

  /** Opens the editor of a question, with the draft of an earlier edit if there is one. */
  beginEdit(messageId: string): void {
    const { conversationId } = this.#thread;
    const content = this.#thread.find(messageId)?.content;
    if (content === undefined || conversationId === null) return;
    const draft = this.drafts.readEdit(conversationId, messageId);
    // The draft is that of an open editor again.
    if (draft !== '') this.drafts.writeEdit(conversationId, messageId, draft);
    const text = draft || content;
    this.#thread.setEdit({ messageId, text, clientMessageId: null, isSent: false, problem: null });
  }

  /** Edits the last question, unless an answer is being generated. */
  editLastQuestion(): void {
    const { messages, runningTurn } = this.#thread.state.value;
    const last = messages.findLast(({ role, position }) => role === 'user' && position !== null);
    // The model answers about a file from the file, not from the question.
    if (last && this.host.files.analysed.ofAnswer(this.#thread.answerTo(last.id))) return;
    if (last && runningTurn === null) this.beginEdit(last.id);
  }

  /** Saves the text as a draft, so that it survives whatever happens to the editor. */
  saveEditDraft(text: string): void {
    const { conversationId, state } = this.#thread;
    const messageId = state.value.edit?.messageId;
    if (conversationId === null || messageId === undefined) return;
    const isChanged = text !== this.#thread.find(messageId)?.content;
    this.drafts.writeEdit(conversationId, messageId, isChanged ? text : '');
  }

  /** Closes the editor, and withdraws the edit if it is not sent yet. Its text is kept as a draft. */
  closeEdit(): void {
    const { conversationId, state } = this.#thread;
    const { edit } = state.value;
    if (conversationId === null || edit === null) return;
    if (edit.clientMessageId !== null) {
      this.socket.outbox.remove(edit.clientMessageId);
      if (this.drafts.readEdit(conversationId, edit.messageId) === '')
        this.saveEditDraft(edit.text);
    }
    this.drafts.closeEdit(conversationId, edit.messageId);
    this.#thread.setEdit(null);
  }

  /** Closes the editor and discards its draft, which the user can undo. */
  discardEdit(): void {
    const { conversationId } = this.#thread;
    const messageId = this.#thread.state.value.edit?.messageId;
    this.closeEdit();
    if (conversationId === null || messageId === undefined) return;
    const draft = this.drafts.readEdit(conversationId, messageId);
    if (draft === '') return;
    this.drafts.writeEdit(conversationId, messageId, '');
    const run = () => {
      this.drafts.writeEdit(conversationId, messageId, draft);
      if (this.#thread.conversationId === conversationId) this.beginEdit(messageId);
    };
    this.host.toasts.show(editorWords.discarded(), { action: { label: editorWords.undo(), run } });
  }

  /** Sends the edited text as a new version of the question, which gets its own answer. */
  saveEdit(message: string): void {
    const { conversationId, state } = this.#thread;
    const { edit } = state.value;
    if (conversationId === null || edit === null) return;
    const { messageId } = edit;
    if (message === this.#thread.find(messageId)?.content) {
      this.saveEditDraft(message);
      this.closeEdit();
      return;
    }
    const clientMessageId = edit.clientMessageId ?? newClientMessageId();
    this.#thread.setEdit({
      messageId,
      text: message,
      clientMessageId,
      isSent: true,
      problem: null,
    });
    const isStored = this.socket.send({
      message,
      conversation_id: conversationId,
      client_message_id: clientMessageId,
      message_id: messageId,
    });
    // The outbox now holds the text.
    if (isStored) this.drafts.writeEdit(conversationId, messageId, '');
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

  get #thread(): Thread {
    return this.host.thread.value;
  }

  #send(event: MessageCommand['event'], messageId: string): void {
    const { conversationId } = this.#thread;
    if (conversationId === null) return;
    const command = { event, data: { conversation_id: conversationId, message_id: messageId } };
    this.#lastCommand = command;
    if (!this.socket.sendCommand(command)) this.host.notice.set(appWords.notConnected());
  }
}
