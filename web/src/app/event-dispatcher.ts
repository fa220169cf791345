import type { ConversationEvent, ErrorData, ServerFrame } from '../api/types';
import type { Reader, Shared } from './conversation-loader';
import type { ContextEditor } from '../state/context/context-editor';
import type { Store } from '../state/store';
import { problemOf } from '../state/thread/thread';

/** After these the visible messages are others. */
const CHANGES_OF_MESSAGES = new Set(['reset', 'branch', 'file']);

/** Gives what the server tells to all whom it concerns. */
export class Incoming {
  constructor(
    private readonly shared: Shared,
    private readonly reader: Reader,
    /** What goes to the model, while it is looked at. */
    private readonly context: Store<ContextEditor | null>,
  ) {}

  receive(frame: ServerFrame): void {
    switch (frame.event) {
      case 'response':
      case 'pong':
        return;
      case 'conversation_listed':
        this.shared.library.place(frame.data.conversation);
        return;
      case 'conversation_unlisted':
        this.#unlisted(frame.data.conversation_id);
        return;
      case 'list_changed':
        void this.shared.library.readAgain();
        return;
      case 'subscribed':
        if (!frame.data.recovered) this.#missed(frame.data.conversation_id);
        return;
      default:
        this.#happened(frame);
    }
  }

  /** The log does not reach back to what this page knows. */
  #missed(id: string): void {
    if (this.shared.thread.value.conversationId !== id) return;
    void this.reader.readAgain();
    void this.shared.files.read(id);
  }

  #happened(frame: ConversationEvent): void {
    const { conversation_id: id } = frame.data;
    const { library, files } = this.shared;
    const thread = this.shared.thread.value;
    if (frame.event === 'error' && frame.data.turn_id === undefined) {
      this.#refused(frame.data);
      return;
    }
    if (frame.event === 'file_progress') files.progress(id, frame.data);
    if (frame.event === 'message_accepted') {
      // A message takes its conversation out of the archive.
      library.change(id, { updated_at: frame.data.created_at, archived: false });
    }
    if (frame.event === 'conversation_updated') {
      if (frame.data.change === 'title') library.change(id, { title: frame.data.title });
      else if (frame.data.change === 'archived') {
        library.change(id, { archived: frame.data.archived });
      } else if (frame.data.change === 'deleted') library.drop(id);
      else if (CHANGES_OF_MESSAGES.has(frame.data.change) && thread.conversationId === id) {
        void this.reader.readAgain();
      }
    }
    if (thread.conversationId === id) thread.apply(frame);
    this.#contextMayHaveChanged(frame, id);
  }

  #contextMayHaveChanged({ event }: ConversationEvent, id: string): void {
    const editor = this.context.value;
    const isOther = event === 'conversation_updated' || event === 'token_usage';
    // While it is saved, it is read again at the end of that.
    if (isOther && editor?.conversationId === id && editor.state.value.saving === null) {
      void editor.read();
    }
  }

  #unlisted(id: string): void {
    this.shared.library.drop(id);
    const thread = this.shared.thread.value;
    if (thread.conversationId === id) thread.fail('missing');
  }

  #refused(error: ErrorData): void {
    const { client_message_id: name, message, code, retry_after_ms: wait } = error;
    const thread = this.shared.thread.value;
    if (name && thread.knows(name)) thread.refused(name, problemOf(error));
    // A stop may come too late, and a subscription to what was just deleted: nobody needs to know.
    else if (code === 'conversation_not_found') return;
    else if (!name) {
      this.shared.notice.say(message, wait === undefined ? null : Date.now() + wait);
    }
  }
}
