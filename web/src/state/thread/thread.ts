import type {
  ConversationEvent,
  Ledger,
  MessageAccepted,
  MessagePage,
  RejectedFrame,
  ResponseEnd,
  TurnFailed,
} from '../../api/types';
import { Store } from '../store';
import {
  gapPageEnd,
  type LoadedMessages,
  messageAt,
  PAGE_SIZE,
  withDistantPage,
  withGapPage,
  withNewest,
  withOlder,
} from './pages';
import { optimisticMessage, type Problem, type ThreadMessage } from './thread-message';
import { answerOf, startTurn, upsert } from './turn';

/** A question that is being edited. */
export interface Editing {
  messageId: string;
  text: string;
  /** The id that every attempt to send the edit uses; `null` before the first one. */
  clientMessageId: string | null;
  isSent: boolean;
  problem: Problem | null;
}

export interface ThreadState extends LoadedMessages {
  phase: 'new' | 'loading' | 'ready' | 'missing' | 'failed';
  /** The id of the turn whose answer is streaming. */
  runningTurn: string | null;
  editing: Editing | null;
  /** The message to scroll to. Each request sets a new object, even for the same message. */
  target: { id: string } | null;
  /** Whether a page other than the newest is being loaded, or the last attempt failed. */
  pageLoading: 'idle' | 'older' | 'gap' | 'failed';
  /** The position of the last message that the summary covers; 0 without a summary. */
  summaryEnd: number;
  ledger: Ledger | null;
  /** All tokens of the last turn, including its answer. */
  tokensUsed: number | null;
}

const EMPTY: ThreadState = {
  phase: 'new',
  messages: [],
  nextBefore: null,
  gap: null,
  runningTurn: null,
  editing: null,
  target: null,
  pageLoading: 'idle',
  summaryEnd: 0,
  ledger: null,
  tokensUsed: null,
};

/** Fetches the page before a position; `null` for the newest page. */
export type FetchPage = (before: number | null) => Promise<MessagePage>;

const noPages: FetchPage = () => Promise.reject(new Error('a new chat has no pages'));

/**
 * The visible conversation. Messages are matched by id, so a duplicate event changes nothing, and a
 * replayed turn rebuilds its answer.
 */
export class Thread {
  readonly state: Store<ThreadState>;
  /** The ids of answers whose turn has started and sent no chunk yet. */
  readonly #awaitingChunk = new Set<string>();
  /** The turn that was running when the newest page was loaded. The versions of its answer are unknown. */
  #turnAtLoad: string | null = null;

  constructor(
    readonly conversationId: string | null,
    phase: ThreadState['phase'],
    private readonly fetchPage: FetchPage = noPages,
  ) {
    this.state = new Store({ ...EMPTY, phase });
  }

  fail(phase: 'missing' | 'failed'): void {
    this.#update({ phase });
  }

  /** Shows the newest page in place of the newest messages. */
  load(page: MessagePage): void {
    this.#turnAtLoad = page.running_turn ?? null;
    this.state.update((state) => ({
      ...state,
      ...withNewest(state, page),
      phase: 'ready',
      runningTurn: page.running_turn ?? null,
    }));
  }

  async loadOlder(): Promise<void> {
    const { nextBefore, pageLoading } = this.state.value;
    if (nextBefore === null || isLoading(pageLoading)) return;
    await this.#loadPage('older', nextBefore, withOlder);
  }

  /** Loads a page of the gap, from its start or from its end. */
  async fillGap(fromStart: boolean): Promise<void> {
    const { gap, pageLoading } = this.state.value;
    if (gap === null || isLoading(pageLoading)) return;
    const before = gapPageEnd(gap, fromStart);
    await this.#loadPage('gap', before, (state, page) => withGapPage(state, page, before));
  }

  /** Scrolls to the message at this position; loads it and its surroundings if necessary. */
  async showMessage(position: number): Promise<void> {
    await this.#waitForInitialLoad();
    if (messageAt(this.state.value, position) === undefined) {
      const before = position + PAGE_SIZE / 2;
      await this.#loadPage('gap', before, (state, page) => withDistantPage(state, page, before));
    }
    const message = messageAt(this.state.value, position);
    if (message) this.#update({ target: { id: message.id } });
  }

  /** Shows a message before the server has accepted it. */
  addOptimistic(clientMessageId: string, content: string): void {
    this.#upsert(optimisticMessage(clientMessageId, content));
  }

  /** Keeps a message that the server rejected, so that the user can resend it. */
  reject(clientMessageId: string, problem: Problem): void {
    const { editing } = this.state.value;
    const message = this.find(clientMessageId);
    if (message) this.#upsert({ ...message, status: 'unsent', problem });
    else if (editing?.clientMessageId === clientMessageId) {
      this.#update({ editing: { ...editing, isSent: false, problem } });
    }
  }

  /** Whether this thread shows an unaccepted message or edit with this id. */
  isPending(clientMessageId: string): boolean {
    return (
      this.find(clientMessageId) !== undefined ||
      this.state.value.editing?.clientMessageId === clientMessageId
    );
  }

  edit(editing: Editing | null): void {
    this.#update({ editing });
  }

  setSummaryEnd(position: number): void {
    this.#update({ summaryEnd: position });
  }

  removeMessage(id: string): void {
    this.state.update((state) => ({
      ...state,
      messages: state.messages.filter((message) => message.id !== id),
    }));
  }

  find(id: string): ThreadMessage | undefined {
    return this.state.value.messages.find((message) => message.id === id);
  }

  apply({ event, data }: ConversationEvent): void {
    switch (event) {
      case 'message_accepted':
        return this.#startTurn(data);
      case 'response_chunk':
        return this.#appendChunk(data.turn_id, data.chunk);
      case 'error':
        return this.#failTurn(data);
      case 'response_end':
        return this.#endTurn(data);
      case 'token_usage':
        return this.#update({
          ledger: data.ledger,
          tokensUsed: data.total_tokens_used,
          summaryEnd: data.ledger.summary_through,
        });
      case 'conversation_updated':
        if (data.change === 'deleted') this.fail('missing');
        else if (data.change === 'compacted') this.setSummaryEnd(data.summary_through);
    }
  }

  #startTurn(accepted: MessageAccepted): void {
    // This is the reply to a duplicate, sent to this connection only. The turn may have ended long ago.
    if (accepted.seq === undefined && this.find(accepted.answer_id)) {
      if (accepted.client_message_id) this.removeMessage(accepted.client_message_id);
      return;
    }
    this.#awaitingChunk.add(accepted.answer_id);
    this.state.update((state) => ({
      ...state,
      phase: 'ready',
      runningTurn: accepted.turn_id,
      messages: startTurn(state.messages, accepted),
      editing: isSentEdit(state.editing, accepted) ? null : state.editing,
    }));
  }

  #appendChunk(turnId: string, chunk: string): void {
    const answer = answerOf(this.state.value.messages, turnId);
    if (answer?.status !== 'streaming') return;
    // The old text stays visible until the first chunk arrives.
    const prefix = this.#awaitingChunk.delete(answer.id) ? '' : answer.content;
    this.#upsert({ ...answer, content: prefix + chunk });
  }

  #failTurn(failed: TurnFailed): void {
    const answer = answerOf(this.state.value.messages, failed.turn_id);
    if (answer) this.#upsert({ ...answer, problem: problemOf(failed) });
  }

  #endTurn(end: ResponseEnd): void {
    const answer = this.find(end.message_id);
    if (answer) this.#upsert({ ...answer, status: end.status });
    if (this.state.value.runningTurn === end.turn_id) this.#update({ runningTurn: null });
    if (this.#turnAtLoad === end.turn_id) void this.#loadVersions();
  }

  /** Loads the versions of an answer that was streaming when the page was loaded. */
  async #loadVersions(): Promise<void> {
    this.#turnAtLoad = null;
    try {
      const { messages } = await this.fetchPage(null);
      const versions = new Map(messages.map((message) => [message.message_id, message.versions]));
      this.state.update((state) => ({
        ...state,
        messages: state.messages.map((message) => {
          const loaded = versions.get(message.id);
          const hasChanged = loaded !== undefined && loaded.length !== message.versions.length;
          return hasChanged ? { ...message, versions: loaded } : message;
        }),
      }));
    } catch {
      // The answer is shown; only its versions are missing.
    }
  }

  async #loadPage(
    pageLoading: 'older' | 'gap',
    before: number,
    change: (state: ThreadState, page: MessagePage) => LoadedMessages,
  ): Promise<void> {
    this.#update({ pageLoading });
    try {
      const page = await this.fetchPage(before);
      this.state.update((state) => ({ ...state, ...change(state, page), pageLoading: 'idle' }));
    } catch {
      this.#update({ pageLoading: 'failed' });
    }
  }

  /** Resolves when the newest page is loaded, or loading it has failed. */
  async #waitForInitialLoad(): Promise<void> {
    if (this.state.value.phase !== 'loading') return;
    await new Promise<void>((resolve) => {
      const unsubscribe = this.state.subscribe(() => {
        if (this.state.value.phase === 'loading') return;
        unsubscribe();
        resolve();
      });
    });
  }

  #update(changes: Partial<ThreadState>): void {
    this.state.update((state) => ({ ...state, ...changes }));
  }

  /** Replaces the message, or appends it. */
  #upsert(changed: ThreadMessage): void {
    this.state.update((state) => ({
      ...state,
      phase: 'ready',
      messages: upsert(state.messages, changed),
    }));
  }
}

export function problemOf({
  message,
  code,
  retry_after_ms: waitMs,
}: Pick<RejectedFrame, 'message' | 'code' | 'retry_after_ms'>): Problem {
  return { message, code, retryAt: waitMs === undefined ? null : Date.now() + waitMs };
}

function isLoading(pageLoading: ThreadState['pageLoading']): boolean {
  return pageLoading === 'older' || pageLoading === 'gap';
}

function isSentEdit(editing: Editing | null, accepted: MessageAccepted): boolean {
  return (
    editing !== null && editing.isSent && editing.clientMessageId === accepted.client_message_id
  );
}
