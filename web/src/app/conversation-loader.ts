import { type Api, ApiError } from '../api/client';
import type { Library } from './library';
import type { LiveSocket } from '../api/socket';
import type { Files } from '../state/composer/files';
import type { Notice } from '../state/page/notice';
import type { Store } from '../state/store';
import { Thread } from '../state/thread/thread';

/** What the reader shares with the page around it. */
export interface Shared {
  thread: Store<Thread>;
  files: Files;
  library: Library;
  notice: Notice;
}

/** Brings a conversation from the server before the reader's eyes, and follows what happens in it. */
export class Reader {
  constructor(
    private readonly api: Pick<Api, 'messages' | 'summaryThrough'>,
    private readonly socket: LiveSocket,
    private readonly shared: Shared,
  ) {}

  /** A conversation that is there, in this phase. */
  threadOf(id: string, phase: 'loading' | 'ready'): Thread {
    return new Thread(id, phase, (before) => this.api.messages(id, before));
  }

  show(thread: Thread): void {
    const before = this.shared.thread.value.conversationId;
    if (before !== null && before !== thread.conversationId) this.socket.unfollow(before);
    this.shared.notice.set(null);
    this.shared.thread.set(thread);
  }

  async load(id: string): Promise<void> {
    const thread = this.threadOf(id, 'loading');
    this.show(thread);
    void this.shared.files.read(id);
    void this.#readSummary(thread, id);
    await this.#readMessages(thread, true);
  }

  /** Reads the messages again that are shown: there is more, or others. */
  async readAgain(): Promise<void> {
    await this.#readMessages(this.shared.thread.value, false);
  }

  /** Reads the newest page, and follows what happens after it. Only the first reading can fail. */
  async #readMessages(thread: Thread, isFirst: boolean): Promise<void> {
    const id = thread.conversationId;
    if (id === null) return;
    try {
      const page = await this.api.messages(id, null);
      // The reader may have gone elsewhere meanwhile.
      if (this.shared.thread.value !== thread) return;
      thread.load(page);
      this.#showUnsent(thread, id);
      // Again where it was followed already: what came while the page was read may not be in it.
      this.socket.follow(id, page.event_seq);
      void this.shared.library.seek(id);
    } catch (error) {
      const isGone = error instanceof ApiError && error.code === 'conversation_not_found';
      if (isFirst || isGone) thread.fail(isGone ? 'missing' : 'failed');
    }
  }

  #showUnsent(thread: Thread, id: string): void {
    for (const unsent of this.socket.outbox.of(id)) {
      const { client_message_id: name, message, message_id: messageId, refused, code } = unsent;
      if (messageId === undefined) thread.sending(name, message);
      else {
        const editing = { messageId, text: message, clientMessageId: name };
        thread.edit({ ...editing, isSent: true, problem: null });
      }
      if (refused === null) continue;
      thread.refused(name, { message: refused, code: code ?? '', retryAt: null });
    }
  }

  async #readSummary(thread: Thread, id: string): Promise<void> {
    try {
      thread.summarised(await this.api.summaryThrough(id));
    } catch {
      // The messages are there; only the line where the summary ends is missing.
    }
  }
}
