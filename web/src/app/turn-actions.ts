import type { LiveSocket } from '../api/connection/socket';
import { errorCode, errorMessage } from '../api/http';
import type { FileJob, FrameRejection, MessageCommand } from '../api/types';
import { newClientMessageId } from '../state/composer/client-message-id';
import { instructionsOf } from '../state/composer/analysed-files';
import type { Drafts } from '../state/composer/drafts';
import type { Files } from '../state/composer/files';
import type { Toasts } from '../state/page/toasts';
import type { Store } from '../state/store';
import type { QuestionEdit, Thread } from '../state/thread/thread';
import { appWords } from '../words/app';
import { editorWords } from '../words/composer';

/** The parts of the page that `TurnActions` depends on. */
export interface TurnActionsHost {
  thread: Store<Thread>;
  notice: Store<string | null>;
  toasts: Toasts;
  files: Files;
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
    const content = this.#editableText(messageId);
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
    if (last && runningTurn === null) this.beginEdit(last.id);
  }

  /** Saves the text as a draft, so that it survives whatever happens to the editor. */
  saveEditDraft(text: string): void {
    const { conversationId, state } = this.#thread;
    const messageId = state.value.edit?.messageId;
    if (conversationId === null || messageId === undefined) return;
    const isChanged = text !== this.#editableText(messageId);
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
    if (message === this.#editableText(messageId)) {
      this.saveEditDraft(message);
      this.closeEdit();
      return;
    }
    const file = this.#fileOf(messageId);
    if (file) {
      void this.#analyseFor(file, { ...edit, text: message });
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

  /** Analyses the file again instead of asking the model without it. */
  async #analyseFor(file: FileJob, edit: QuestionEdit): Promise<void> {
    const thread = this.#thread;
    const { messageId, clientMessageId, text } = edit;
    // The edit may have been sent as that of another question, while the files were not loaded yet.
    if (clientMessageId !== null) this.socket.outbox.remove(clientMessageId);
    const sent = { ...edit, clientMessageId: null, isSent: true, problem: null };
    thread.setEdit(sent);
    const isOpen = () => thread.state.value.edit === sent;
    try {
      await this.host.files.analyseFor(file, text);
      this.drafts.writeEdit(file.conversation_id, messageId, '');
      if (isOpen()) thread.setEdit(null);
    } catch (error) {
      const problem = { message: errorMessage(error), code: errorCode(error) ?? '', retryAt: null };
      if (isOpen()) thread.setEdit({ ...sent, isSent: false, problem });
    }
  }

  /**
   * Generates another version of an answer, if `model` is set with that model. If it is about a file, analyses the file
   * again.
   */
  regenerate(messageId: string, model?: string): void {
    const file = this.#fileOf(messageId);
    if (!file) {
      this.#send('regenerate', messageId, model);
      return;
    }
    const question = this.#thread.find(this.#thread.find(messageId)?.parentId ?? '');
    const instructions = question && instructionsOf(question.content, file);
    void this.host.files.analyseAgain(file, instructions ?? undefined);
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

  /** The text of a question that can be edited: of one about a file, what the user asks for. */
  #editableText(messageId: string): string | undefined {
    const content = this.#thread.find(messageId)?.content;
    const file = this.#fileOf(messageId);
    return content !== undefined && file ? (instructionsOf(content, file) ?? '') : content;
  }

  #fileOf(messageId: string): FileJob | undefined {
    const message = this.#thread.find(messageId);
    return message && this.host.files.analysed.about(message, this.#thread);
  }

  get #thread(): Thread {
    return this.host.thread.value;
  }

  #send(event: MessageCommand['event'], messageId: string, model?: string): void {
    const { conversationId } = this.#thread;
    if (conversationId === null) return;
    const data = { conversation_id: conversationId, message_id: messageId };
    const command = { event, data: model === undefined ? data : { ...data, model } };
    this.#lastCommand = command;
    if (!this.socket.sendCommand(command)) this.host.notice.set(appWords.notConnected());
  }
}
