import type { ConversationEvent, RejectedFrame, ServerEvent } from '../api/types';
import type { ContextEditor } from '../state/context/context-editor';
import type { Store } from '../state/store';
import { problemOf } from '../state/thread/thread';
import type { ConversationLoader, PageState } from './conversation-loader';

/** The changes that replace the visible messages. */
const MESSAGE_CHANGES = new Set(['reset', 'branch', 'file']);

/** Dispatches the server's events to the stores that they concern. */
export class EventDispatcher {
  constructor(
    private readonly page: PageState,
    private readonly loader: ConversationLoader,
    /** The context of the open conversation, while its panel is open. */
    private readonly context: Store<ContextEditor | null>,
  ) {}

  dispatch(event: ServerEvent): void {
    switch (event.event) {
      case 'response':
      case 'pong':
        return;
      case 'conversation_listed':
        this.page.library.upsert(event.data.conversation);
        return;
      case 'conversation_unlisted':
        this.#handleUnlisted(event.data.conversation_id);
        return;
      case 'list_changed':
        void this.page.library.reload();
        return;
      case 'subscribed':
        if (!event.data.recovered) this.#recover(event.data.conversation_id);
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

  /** Loads the messages and files again, as the log no longer has the events that the page missed. */
  #recover(id: string): void {
    if (this.page.thread.value.conversationId !== id) return;
    void this.loader.reload();
    void this.page.files.load(id);
  }

  #dispatchConversationEvent(event: ConversationEvent): void {
    const { conversation_id: id } = event.data;
    const { library, files } = this.page;
    const thread = this.page.thread.value;
    if (event.event === 'file_progress') files.applyProgress(id, event.data);
    if (event.event === 'message_accepted') {
      // A new message unarchives its conversation.
      library.update(id, { updated_at: event.data.created_at, archived: false });
    }
    if (event.event === 'conversation_updated') {
      if (event.data.change === 'title') library.update(id, { title: event.data.title });
      else if (event.data.change === 'archived') {
        library.update(id, { archived: event.data.archived });
      } else if (event.data.change === 'deleted') library.unlist(id);
      else if (MESSAGE_CHANGES.has(event.data.change) && thread.conversationId === id) {
        void this.loader.reload();
      }
    }
    if (thread.conversationId === id) thread.apply(event);
    this.#reloadContext(event, id);
  }

  #reloadContext({ event }: ConversationEvent, id: string): void {
    const editor = this.context.value;
    const mayHaveChanged = event === 'conversation_updated' || event === 'token_usage';
    // A save in progress reloads the context when it ends.
    if (mayHaveChanged && editor?.conversationId === id && editor.state.value.saving === null) {
      void editor.load();
    }
  }

  #handleUnlisted(id: string): void {
    this.page.library.unlist(id);
    const thread = this.page.thread.value;
    if (thread.conversationId === id) thread.fail('missing');
  }

  #handleRejection(error: RejectedFrame): void {
    const { client_message_id: id, message, code, retry_after_ms: waitMs } = error;
    const thread = this.page.thread.value;
    if (id && thread.isPending(id)) thread.reject(id, problemOf(error));
    // The conversation was deleted just before a `stop` or a subscription: nothing that the user must know.
    else if (code === 'conversation_not_found') return;
    else if (!id) {
      this.page.notice.show(message, waitMs === undefined ? null : Date.now() + waitMs);
    }
  }
}
