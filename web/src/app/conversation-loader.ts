import type { ConversationApi } from '../api/conversation-api';
import { errorCode, errorMessage, retryTime } from '../api/http';
import type { LiveSocket } from '../api/connection/socket';
import type { Drafts } from '../state/composer/drafts';
import type { Files } from '../state/composer/files';
import type { ContextEditor } from '../state/context/context-editor';
import type { AnswerMarks } from '../state/conversations/answer-marks';
import type { Notice } from '../state/page/notice';
import type { Store } from '../state/store';
import { Thread } from '../state/thread/thread';
import type { Conversations } from './conversations';
import type { Retries } from './rate-limits/retries';
import type { TurnActions } from './turn-actions';

/** The parts of the page's state that the loader and the event dispatcher update. */
export interface AppState {
  thread: Store<Thread>;
  files: Files;
  conversations: Conversations;
  notice: Notice;
  contextEditor: Store<ContextEditor | null>;
  retries: Retries;
  marks: AnswerMarks;
  turnActions: TurnActions;
}

/** Loads a conversation, shows it, and subscribes to its events. */
export class ConversationLoader {
  constructor(
    private readonly api: Pick<ConversationApi, 'messages'>,
    private readonly socket: LiveSocket,
    private readonly drafts: Drafts,
    private readonly state: AppState,
  ) {}

  /** The thread of a new chat whose conversation was created. */
  withConversation(thread: Thread, id: string): Thread {
    return thread.withConversation(id, (before) => this.api.messages(id, before));
  }

  show(thread: Thread): void {
    const previous = this.state.thread.value.conversationId;
    if (previous !== null && previous !== thread.conversationId) {
      this.socket.unsubscribe(previous);
    }
    this.state.notice.set(null);
    this.state.thread.set(thread);
  }

  async load(id: string): Promise<void> {
    const thread = new Thread(id, 'loading', (before) => this.api.messages(id, before));
    this.show(thread);
    void this.state.files.load(id);
    void this.#loadContext(thread);
    await this.#loadMessages(thread, true);
  }

  /** Reloads the newest page of the open conversation. */
  async reload(): Promise<void> {
    await this.#loadMessages(this.state.thread.value, false);
  }

  /**
   * Loads the newest page and subscribes to later events. If a reload fails, the loaded messages stay, unless
   * the conversation does not exist any more.
   */
  async #loadMessages(thread: Thread, isFirst: boolean): Promise<void> {
    const id = thread.conversationId;
    if (id === null) return;
    try {
      const page = await this.api.messages(id, null);
      // The user may have opened another conversation in the meantime.
      if (this.state.thread.value !== thread) return;
      thread.load(page);
      this.#showUnsent(thread, id);
      if (isFirst) this.#showEditDraft(thread, id);
      // Subscribe even if already subscribed: the page may lack events that arrived while it was loading.
      this.socket.subscribe(id, page.event_seq);
      void this.state.conversations.ensureListed(id);
    } catch (error) {
      if (errorCode(error) === 'conversation_not_found') thread.markNotFound();
      else if (isFirst) this.#failLoading(thread, id, error);
    }
  }

  /** Shows why the conversation can't be loaded. If the server says when to try again, does so. */
  #failLoading(thread: Thread, id: string, error: unknown): void {
    const retryAt = retryTime(error);
    thread.failLoading(errorMessage(error), retryAt);
    if (retryAt === null) return;
    setTimeout(() => {
      // The user may have tried again, or opened another conversation.
      if (this.state.thread.value === thread) void this.load(id);
    }, retryAt - Date.now());
  }

  #showUnsent(thread: Thread, id: string): void {
    const unsent = this.socket.outbox.forConversation(id);
    thread.keepSending(new Set(unsent.map((message) => message.client_message_id)));
    for (const message of unsent) thread.addUnsent(message);
  }

  /** Opens the editor of the question that the user was editing when the conversation was last open. */
  #showEditDraft(thread: Thread, id: string): void {
    if (thread.state.value.edit !== null) return;
    const messageId = this.drafts.openEdits(id).find((edited) => thread.find(edited));
    if (messageId === undefined) return;
    const text = this.drafts.readEdit(id, messageId);
    const edit = { messageId, text, clientMessageId: null, isSent: false, problem: null };
    thread.setEdit({ ...edit, isRestored: true });
  }

  /** If it fails, the messages are shown; only the line that marks the end of the summary is missing. */
  async #loadContext(thread: Thread): Promise<void> {
    const editor = this.state.contextEditor.value;
    await editor?.load();
    const context = editor?.state.value.context;
    if (context) thread.setSummaryThrough(context.summary?.through ?? 0);
  }
}
