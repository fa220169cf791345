import type {
  ConversationEvent,
  Ledger,
  MessageAccepted,
  MessagePage,
  FrameRejection,
  ReasoningChunk,
  ResponseEnd,
  TurnFailure,
} from '../../api/types';
import type { OutboxMessage } from '../../api/connection/outbox';
import { newClientMessageId } from '../composer/client-message-id';
import { Store } from '../store';
import {
  unloadedPageEnd,
  type LoadedMessages,
  messageAt,
  PAGE_SIZE,
  withDistantPage,
  withUnloadedPage,
  withNewest,
  withOlder,
} from './pages';
import { optimisticMessage, type Problem, type ThreadMessage } from './thread-message';
import { answerOf, startTurn, upsert, withChunk, withDuration } from './turn';

/** An edit of a question. */
export interface QuestionEdit {
  messageId: string;
  text: string;
  /** The id with which the edit is sent, also when it is sent again; `null` before the first time. */
  clientMessageId: string | null;
  isSent: boolean;
  problem: Problem | null;
  /** Whether the edit was begun earlier, so that it must not take the focus. */
  isRestored?: boolean;
}

export interface ThreadState extends LoadedMessages {
  phase: 'new' | 'loading' | 'ready' | 'not-found' | 'failed';
  /** Why the conversation could not be loaded, if `phase` is `failed`. */
  loadProblem: string | null;
  /** When the page tries to load the conversation again, in milliseconds since 1970; `null` if it doesn't. */
  reloadAt: number | null;
  /** The id of the turn whose answer is streaming. */
  runningTurn: string | null;
  edit: QuestionEdit | null;
  /** The message to scroll to. Each request sets a new object, so that the same message can be requested again. */
  target: { id: string } | null;
  /** The message that was sent last, from any tab. Each attempt sets a new object. */
  sent: { id: string } | null;
  /** The state of loading pages other than the newest one. */
  pageLoad: 'idle' | 'older' | 'unloaded-range' | 'failed';
  /** The position of the last message that the summary covers; 0 without a summary. */
  summaryThrough: number;
  ledger: Ledger | null;
}

const EMPTY: ThreadState = {
  phase: 'new',
  loadProblem: null,
  reloadAt: null,
  messages: [],
  nextBefore: null,
  unloadedRange: null,
  runningTurn: null,
  edit: null,
  target: null,
  sent: null,
  pageLoad: 'idle',
  summaryThrough: 0,
  ledger: null,
};

/** After a longer wait, the user may not want a message to be sent any more. */
export const MAX_RETRY_WAIT_MS = 120_000;

/** Fetches the page that ends before a position; `null` for the newest page. */
export type FetchPage = (before: number | null) => Promise<MessagePage>;

const noPages: FetchPage = () => Promise.reject(new Error('a new chat has no pages'));

/**
 * The open conversation. Messages are matched by id, so a duplicate event changes nothing, and a replayed
 * turn rebuilds its answer.
 */
export class Thread {
  readonly state: Store<ThreadState>;
  /** The ids of answers whose turn has started but has sent no text, or no reasoning, yet. */
  readonly #answersWithoutText = new Set<string>();
  readonly #answersWithoutReasoning = new Set<string>();
  /** The turn that was running when the newest page was loaded. The versions of its answer are unknown. */
  #turnRunningAtLoad: string | null = null;

  constructor(
    readonly conversationId: string | null,
    phase: ThreadState['phase'],
    private readonly fetchPage: FetchPage = noPages,
    /** The key with which the conversation of a new chat is created. It stays the same afterwards. */
    readonly startKey: string = newClientMessageId(),
  ) {
    this.state = new Store({ ...EMPTY, phase });
  }

  /** The same chat, after its conversation was created. */
  withConversation(id: string, fetchPage: FetchPage): Thread {
    const thread = new Thread(id, 'ready', fetchPage, this.startKey);
    thread.state.set({ ...this.state.value, phase: 'ready' });
    return thread;
  }

  markNotFound(): void {
    this.#update({ phase: 'not-found' });
  }

  failLoading(problem: string, reloadAt: number | null = null): void {
    this.#update({ phase: 'failed', loadProblem: problem, reloadAt });
  }

  /** Replaces the newest messages with the newest page. */
  load(page: MessagePage): void {
    this.#turnRunningAtLoad = page.running_turn ?? null;
    this.state.update((state) => ({
      ...state,
      ...withNewest(state, page),
      phase: 'ready',
      runningTurn: page.running_turn ?? null,
    }));
  }

  async loadOlder(): Promise<void> {
    const { nextBefore } = this.state.value;
    if (nextBefore === null || isLoadingPage(this.state.value)) return;
    await this.#loadPage('older', nextBefore, withOlder);
  }

  /** Loads the first or the last page of the unloaded range. */
  async loadUnloadedPage(fromStart: boolean): Promise<void> {
    const { unloadedRange } = this.state.value;
    if (unloadedRange === null || isLoadingPage(this.state.value)) return;
    const before = unloadedPageEnd(unloadedRange, fromStart);
    await this.#loadPage('unloaded-range', before, (state, page) =>
      withUnloadedPage(state, page, before),
    );
  }

  /** Scrolls to the message at this position. Loads it and those around it if necessary. */
  async showMessage(position: number): Promise<void> {
    await this.state.until(({ phase }) => phase !== 'loading');
    if (messageAt(this.state.value, position) === undefined) {
      const before = position + PAGE_SIZE / 2;
      await this.#loadPage('unloaded-range', before, (state, page) =>
        withDistantPage(state, page, before),
      );
    }
    const message = messageAt(this.state.value, position);
    if (message) this.#update({ target: { id: message.id } });
  }

  /** Shows a message before the server has accepted it. */
  addOptimistic(clientMessageId: string, content: string): void {
    this.#upsert(optimisticMessage(clientMessageId, content));
    this.#update({ sent: { id: clientMessageId } });
  }

  /** Shows a message of the outbox: a new message, or an edit of a question. */
  addUnsent(unsent: OutboxMessage): void {
    const { message: text, message_id: messageId, refused, code } = unsent;
    const clientMessageId = unsent.client_message_id;
    if (messageId === undefined) this.addOptimistic(clientMessageId, text);
    else this.#addUnsentEdit({ messageId, text, clientMessageId, isSent: true, problem: null });
    if (refused === null) return;
    this.reject(clientMessageId, { message: refused, code: code ?? '', retryAt: null });
  }

  /** Another edit that is open stays open. */
  #addUnsentEdit(unsent: QuestionEdit): void {
    const { edit } = this.state.value;
    const isOther = edit !== null && edit.clientMessageId !== unsent.clientMessageId;
    if (!isOther) this.setEdit({ ...unsent, isRestored: true });
  }

  /** Removes the messages that are being sent, except these: another tab has sent the others. */
  keepSending(clientMessageIds: ReadonlySet<string>): void {
    this.state.update((state) => ({
      ...state,
      messages: state.messages.filter(
        ({ id, status }) => status !== 'sending' || clientMessageIds.has(id),
      ),
    }));
  }

  /** Keeps a message that the server rejected, so that the user can resend it. */
  reject(clientMessageId: string, problem: Problem): void {
    const { edit } = this.state.value;
    const message = this.find(clientMessageId);
    if (message) this.#upsert({ ...message, status: 'unsent', problem });
    else if (edit?.clientMessageId === clientMessageId) {
      this.#update({ edit: { ...edit, isSent: false, problem } });
    }
  }

  /** Shows that a rejected message or edit is being sent again. */
  markSending(clientMessageId: string): void {
    const { edit } = this.state.value;
    const message = this.find(clientMessageId);
    if (message) {
      this.#upsert({ ...message, status: 'sending', problem: null });
      this.#update({ sent: { id: clientMessageId } });
    } else if (edit?.clientMessageId === clientMessageId) {
      this.#update({ edit: { ...edit, isSent: true, problem: null } });
    }
  }

  /** Stops the countdown to sending a rejected message again. */
  cancelRetry(clientMessageId: string): void {
    const problem = this.find(clientMessageId)?.problem ?? this.state.value.edit?.problem;
    if (problem) this.reject(clientMessageId, { ...problem, retryAt: null });
  }

  /** Whether this thread has a message or an edit with this client message id. */
  isPending(clientMessageId: string): boolean {
    return (
      this.find(clientMessageId) !== undefined ||
      this.state.value.edit?.clientMessageId === clientMessageId
    );
  }

  setEdit(edit: QuestionEdit | null): void {
    this.#update({ edit });
  }

  setSummaryThrough(position: number): void {
    this.#update({ summaryThrough: position });
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

  /** The visible answer to a question. */
  answerTo(questionId: string): ThreadMessage | undefined {
    return this.state.value.messages.find(({ parentId }) => parentId === questionId);
  }

  apply({ event, data }: ConversationEvent): void {
    switch (event) {
      case 'message_accepted':
        return this.#startTurn(data);
      case 'reasoning_chunk':
        return this.#appendReasoning(data);
      case 'response_chunk':
        return this.#appendChunk(data.turn_id, data.chunk);
      case 'error':
        return this.#failTurn(data);
      case 'response_end':
        return this.#endTurn(data);
      case 'token_usage':
        return this.#update({
          ledger: data.ledger,
          summaryThrough: data.ledger.summary_through,
        });
      case 'conversation_updated':
        if (data.change === 'deleted') this.markNotFound();
        else if (data.change === 'compacted') this.setSummaryThrough(data.summary_through);
    }
  }

  #startTurn(accepted: MessageAccepted): void {
    // The reply to a duplicate is sent to this connection only. Its turn may have ended long ago.
    if (accepted.seq === undefined && this.find(accepted.answer_id)) {
      if (accepted.client_message_id) this.removeMessage(accepted.client_message_id);
      return;
    }
    this.#answersWithoutText.add(accepted.answer_id);
    this.#answersWithoutReasoning.add(accepted.answer_id);
    this.state.update((state) => ({
      ...state,
      phase: 'ready',
      runningTurn: accepted.turn_id,
      messages: startTurn(state.messages, accepted),
      edit: isSentEdit(state.edit, accepted) ? null : state.edit,
    }));
  }

  #appendChunk(turnId: string, chunk: string): void {
    const answer = answerOf(this.state.value.messages, turnId);
    if (answer?.status !== 'streaming') return;
    // The old text stays visible until the first chunk arrives.
    const prefix = this.#answersWithoutText.delete(answer.id) ? '' : answer.content;
    // The reasoning of a continued answer arrives before its text.
    const reasoning = this.#answersWithoutReasoning.has(answer.id) ? null : answer.reasoning;
    this.#upsert({ ...answer, content: prefix + chunk, reasoning });
  }

  #appendReasoning(chunk: ReasoningChunk): void {
    const answer = answerOf(this.state.value.messages, chunk.turn_id);
    if (answer?.status !== 'streaming') return;
    const isFirst = this.#answersWithoutReasoning.delete(answer.id);
    this.#upsert({ ...answer, reasoning: withChunk(isFirst ? null : answer.reasoning, chunk) });
  }

  #failTurn(failed: TurnFailure): void {
    const answer = answerOf(this.state.value.messages, failed.turn_id);
    if (answer) this.#upsert({ ...answer, problem: problemOf(failed) });
  }

  #endTurn(end: ResponseEnd): void {
    const answer = this.find(end.message_id);
    if (answer) {
      this.#upsert({
        ...answer,
        status: end.status,
        reasoning: withDuration(answer.reasoning, end.reasoning_ms),
        tokenCount: end.token_count,
        createdAt: end.created_at ?? answer.createdAt,
        endedAt: end.ended_at ?? null,
      });
    }
    if (this.state.value.runningTurn === end.turn_id) this.#update({ runningTurn: null });
    if (this.#turnRunningAtLoad === end.turn_id) void this.#loadVersions();
  }

  /** Loads the versions of an answer that was streaming when the page was loaded. */
  async #loadVersions(): Promise<void> {
    this.#turnRunningAtLoad = null;
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
      // The answer is still shown; only the version switcher is missing.
    }
  }

  async #loadPage(
    pageLoad: 'older' | 'unloaded-range',
    before: number,
    change: (state: ThreadState, page: MessagePage) => LoadedMessages,
  ): Promise<void> {
    this.#update({ pageLoad });
    try {
      const page = await this.fetchPage(before);
      this.state.update((state) => ({ ...state, ...change(state, page), pageLoad: 'idle' }));
    } catch {
      this.#update({ pageLoad: 'failed' });
    }
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
}: Pick<FrameRejection, 'message' | 'code' | 'retry_after_ms'>): Problem {
  const isSoon = waitMs !== undefined && waitMs <= MAX_RETRY_WAIT_MS;
  return { message, code, retryAt: isSoon ? Date.now() + waitMs : null };
}

/** Whether a page other than the newest one is being loaded. */
export function isLoadingPage({ pageLoad }: ThreadState): boolean {
  return pageLoad === 'older' || pageLoad === 'unloaded-range';
}

function isSentEdit(edit: QuestionEdit | null, accepted: MessageAccepted): boolean {
  return edit !== null && edit.isSent && edit.clientMessageId === accepted.client_message_id;
}
