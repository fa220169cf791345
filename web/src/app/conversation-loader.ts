import type { ConversationApi } from '../api/conversation-api';
import { ApiError } from '../api/http';
import type { LiveSocket } from '../api/socket';
import type { Files } from '../state/composer/files';
import type { Notice } from '../state/page/notice';
import type { Store } from '../state/store';
import { Thread } from '../state/thread/thread';
import type { Library } from './library';

/** The state of the page that the loader and the event dispatcher update. */
export interface PageState {
  thread: Store<Thread>;
  files: Files;
  library: Library;
  notice: Notice;
}

/** Loads a conversation, shows it, and subscribes to its events. */
export class ConversationLoader {
  constructor(
    private readonly api: Pick<ConversationApi, 'messages' | 'summaryEnd'>,
    private readonly socket: LiveSocket,
    private readonly page: PageState,
  ) {}

  createThread(id: string, phase: 'loading' | 'ready'): Thread {
    return new Thread(id, phase, (before) => this.api.messages(id, before));
  }

  show(thread: Thread): void {
    const previous = this.page.thread.value.conversationId;
    if (previous !== null && previous !== thread.conversationId) {
      this.socket.unsubscribe(previous);
    }
    this.page.notice.set(null);
    this.page.thread.set(thread);
  }

  async load(id: string): Promise<void> {
    const thread = this.createThread(id, 'loading');
    this.show(thread);
    void this.page.files.load(id);
    void this.#loadSummary(thread, id);
    await this.#loadMessages(thread, true);
  }

  /** Loads the newest page of the open conversation again. */
  async reload(): Promise<void> {
    await this.#loadMessages(this.page.thread.value, false);
  }

  /**
   * Loads the newest page and subscribes to later events. A failed reload keeps the loaded messages, unless
   * the conversation is gone.
   */
  async #loadMessages(thread: Thread, isFirst: boolean): Promise<void> {
    const id = thread.conversationId;
    if (id === null) return;
    try {
      const page = await this.api.messages(id, null);
      // The user may have opened another conversation in the meantime.
      if (this.page.thread.value !== thread) return;
      thread.load(page);
      this.#showUnsent(thread, id);
      // Even if already subscribed: the page may lack events that arrived while it was loading.
      this.socket.subscribe(id, page.event_seq);
      void this.page.library.ensureListed(id);
    } catch (error) {
      const isGone = error instanceof ApiError && error.code === 'conversation_not_found';
      if (isFirst || isGone) thread.fail(isGone ? 'missing' : 'failed');
    }
  }

  #showUnsent(thread: Thread, id: string): void {
    for (const unsent of this.socket.outbox.forConversation(id)) {
      const { message, message_id: messageId, refused, code } = unsent;
      const clientMessageId = unsent.client_message_id;
      if (messageId === undefined) thread.addOptimistic(clientMessageId, message);
      else {
        const editing = { messageId, text: message, clientMessageId };
        thread.edit({ ...editing, isSent: true, problem: null });
      }
      if (refused === null) continue;
      thread.reject(clientMessageId, { message: refused, code: code ?? '', retryAt: null });
    }
  }

  async #loadSummary(thread: Thread, id: string): Promise<void> {
    try {
      thread.setSummaryEnd(await this.api.summaryEnd(id));
    } catch {
      // The messages are shown; only the line that marks the end of the summary is missing.
    }
  }
}
