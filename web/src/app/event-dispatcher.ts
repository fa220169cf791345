import type { ConversationEvent, FrameRejection, ServerEvent } from '../api/types';
import { problemOf } from '../state/thread/thread';
import type { ConversationLoader, AppState } from './conversation-loader';

/** The changes after which the messages must be reloaded. */
const RELOADING_CHANGES = new Set(['reset', 'branch', 'file']);

/** The changes that leave the context as it is. */
const CONTEXT_KEEPING_CHANGES = new Set(['title', 'archived', 'deleted']);

/** Applies the server's events to the state of the page. */
export class EventDispatcher {
  constructor(
    private readonly state: AppState,
    private readonly loader: ConversationLoader,
  ) {}

  dispatch(event: ServerEvent): void {
    switch (event.event) {
      case 'response':
      case 'pong':
        return;
      case 'conversation_listed':
        this.state.conversations.upsert(event.data.conversation);
        return;
      case 'conversation_unlisted':
        this.#handleUnlisted(event.data.conversation_id);
        return;
      case 'list_changed':
        void this.state.conversations.reload();
        return;
      case 'subscribed':
        if (!event.data.recovered) this.#reloadAfterGap(event.data.conversation_id);
        return;
      case 'error':
        if ('turn_id' in event.data) {
          this.#dispatchConversationEvent({ event: 'error', data: event.data });
        } else this.#handleRejection(event.data);
        return;
      default:
        this.#dispatchConversationEvent(event);
    }
  }

  /** Reloads the messages and files, because the turn log no longer has the events that the page missed. */
  #reloadAfterGap(id: string): void {
    if (this.state.thread.value.conversationId !== id) return;
    void this.loader.reload();
    void this.state.files.load(id);
  }

  #dispatchConversationEvent(event: ConversationEvent): void {
    const { conversation_id: id } = event.data;
    const { conversations, files } = this.state;
    const thread = this.state.thread.value;
    if (event.event === 'file_progress') files.applyProgress(id, event.data);
    if (event.event === 'message_accepted') {
      // A new message unarchives its conversation.
      conversations.update(id, { updated_at: event.data.created_at, archived: false });
    }
    if (event.event === 'conversation_updated') {
      if (event.data.change === 'title') conversations.update(id, { title: event.data.title });
      else if (event.data.change === 'archived') {
        conversations.update(id, { archived: event.data.archived });
      } else if (event.data.change === 'deleted') conversations.unlist(id);
      else if (RELOADING_CHANGES.has(event.data.change) && thread.conversationId === id) {
        // The question about a file shows the file.
        const loaded = event.data.change === 'file' ? files.load(id) : Promise.resolve();
        void loaded.then(() => this.loader.reload());
      }
    }
    if (thread.conversationId === id) thread.apply(event);
    this.#reloadContext(event, id);
  }

  #reloadContext({ event, data }: ConversationEvent, id: string): void {
    const editor = this.state.contextEditor.value;
    const mayHaveChanged =
      event === 'conversation_updated'
        ? !CONTEXT_KEEPING_CHANGES.has(data.change)
        : event === 'token_usage';
    // A save in progress reloads the context when it ends.
    if (mayHaveChanged && editor?.conversationId === id && !editor.isSaving) {
      void editor.load();
    }
  }

  #handleUnlisted(id: string): void {
    this.state.conversations.unlist(id);
    this.state.marks.mark(id, null);
    const thread = this.state.thread.value;
    if (thread.conversationId === id) thread.markNotFound();
  }

  #handleRejection(error: FrameRejection): void {
    const { client_message_id: id, message, code, retry_after_ms: waitMs } = error;
    const thread = this.state.thread.value;
    const problem = problemOf(error);
    if (id && error.conversation_id && problem.retryAt !== null) {
      this.state.retries.schedule(error.conversation_id, id, problem.retryAt);
    }
    if (id && thread.isPending(id)) thread.reject(id, problem);
    // The conversation was deleted just before a `stop` or a subscription: the user need not know.
    else if (code === 'conversation_not_found') return;
    else if (!id) {
      const retry = problem.retryAt === null ? null : this.state.turnActions.retryOf(error);
      this.state.notice.show(message, waitMs === undefined ? null : Date.now() + waitMs, retry);
    }
  }
}
