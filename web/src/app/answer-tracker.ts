import type { AnswerState } from '../api/conversation-api';
import { errorCode } from '../api/http';
import type { Conversation } from '../api/types';
import type { AnswerMarks } from '../state/conversations/answer-marks';
import type { ConversationListState } from '../state/conversations/conversation-list';
import type { Store } from '../state/store';
import type { Thread } from '../state/thread/thread';

/** A conversation that appears in the list this long after its start may have a running answer. */
const NEW_FOR_MS = 60_000;

/**
 * Marks the conversations in which an answer is being generated, or has arrived unseen. Sees the open conversation
 * itself; the others change in the list when an answer begins and when it ends.
 */
export class AnswerTracker {
  #items: ReadonlyMap<string, Conversation> = new Map();
  #isListLoaded = false;
  #thread: Thread | null = null;
  #unsubscribeThread = () => {};
  /** The ids of conversations that are being checked, and whether they have changed again since. */
  readonly #checks = new Map<string, boolean>();
  /** The last message that this tab has shown of each conversation. */
  readonly #lastSeen = new Map<string, string>();

  constructor(
    private readonly marks: AnswerMarks,
    private readonly thread: Store<Thread>,
    private readonly list: Store<ConversationListState>,
    private readonly fetchState: (id: string) => Promise<AnswerState>,
    private readonly isVisible: () => boolean,
  ) {
    thread.subscribe(() => this.#watchThread());
    list.subscribe(() => this.#handleList());
    // Another tab may mark the conversation that is visible in this one.
    marks.subscribe(() => this.handleVisibility());
    this.#watchThread();
  }

  /** Clears the mark of the conversation that the user sees now. */
  handleVisibility(): void {
    const { conversationId: id, state } = this.thread.value;
    const { phase, runningTurn, messages } = state.value;
    if (id === null || phase !== 'ready' || runningTurn !== null || !this.isVisible()) return;
    const last = messages.findLast(({ position }) => position !== null);
    if (last) this.#lastSeen.set(id, last.id);
    this.marks.mark(id, null);
  }

  #watchThread(): void {
    this.#unsubscribeThread();
    this.#thread = this.thread.value;
    const { state } = this.#thread;
    let wasRunning = false;
    const update = () => {
      const isRunning = state.value.runningTurn !== null;
      if (isRunning !== wasRunning) this.#handleTurn(isRunning);
      else this.handleVisibility();
      wasRunning = isRunning;
    };
    this.#unsubscribeThread = state.subscribe(update);
    update();
  }

  /** Handles the beginning or the end of an answer in the open conversation. */
  #handleTurn(isRunning: boolean): void {
    const id = this.#thread?.conversationId ?? null;
    if (id === null) return;
    if (isRunning) this.marks.mark(id, 'running');
    else if (this.isVisible()) this.handleVisibility();
    else this.marks.mark(id, 'unread');
  }

  #handleList(): void {
    const { phase, items } = this.list.value;
    if (phase !== 'ready') return;
    const previous = this.#items;
    this.#items = new Map(items.map((item) => [item.conversation_id, item]));
    for (const item of items) {
      if (this.#mayHaveChanged(previous.get(item.conversation_id), item)) {
        void this.#check(item.conversation_id);
      }
    }
    this.#isListLoaded = true;
  }

  #mayHaveChanged(previous: Conversation | undefined, current: Conversation): boolean {
    if (previous === current) return false;
    if (this.marks.get(current.conversation_id) === 'running') return true;
    if (previous === undefined) {
      return this.#isListLoaded && Date.now() - Date.parse(current.created_at) < NEW_FOR_MS;
    }
    return (
      previous.message_count < current.message_count || previous.total_tokens < current.total_tokens
    );
  }

  async #check(id: string): Promise<void> {
    if (this.thread.value.conversationId === id) return;
    if (this.#checks.has(id)) {
      this.#checks.set(id, true);
      return;
    }
    this.#checks.set(id, false);
    try {
      this.#handleState(id, await this.fetchState(id));
    } catch (error) {
      if (errorCode(error) === 'conversation_not_found') this.marks.mark(id, null);
    }
    const hasChanged = this.#checks.get(id);
    this.#checks.delete(id);
    if (hasChanged) await this.#check(id);
  }

  #handleState(id: string, { isRunning, lastMessageId }: AnswerState): void {
    // The user may have opened it in the meantime.
    if (this.thread.value.conversationId === id) return;
    if (isRunning) this.marks.mark(id, 'running');
    else {
      const isSeen = lastMessageId === null || lastMessageId === this.#lastSeen.get(id);
      this.marks.mark(id, isSeen ? null : 'unread');
    }
  }
}
