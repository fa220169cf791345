import type {
  ConversationEvent,
  ErrorData,
  Ledger,
  MessageAccepted,
  MessagePage,
  ResponseEnd,
} from '../../api/types';
import {
  fillBefore,
  type Loaded,
  messageAt,
  PAGE_SIZE,
  withDistant,
  withFilled,
  withNewest,
  withOlder,
} from './pages';
import { Store } from '../store';
import { onItsWay, type Problem, type ThreadMessage } from './thread-message';
import { accept, answerOf, replace } from './turn';

/** A question that is being changed. */
export interface Editing {
  messageId: string;
  text: string;
  /** The name under which it was sent, and will be again; `null` until then. */
  clientMessageId: string | null;
  isSent: boolean;
  problem: Problem | null;
}

export interface ThreadState extends Loaded {
  phase: 'new' | 'loading' | 'ready' | 'missing' | 'failed';
  /** The turn whose answer is being made. */
  runningTurn: string | null;
  editing: Editing | null;
  /** The message to be shown to the reader: a new object each time. */
  target: { id: string } | null;
  /** What is being read beside the newest page, and whether that failed. */
  reading: 'nothing' | 'older' | 'gap' | 'failed';
  /** The summary stands for the messages up to this position; 0 without one. */
  summaryThrough: number;
  ledger: Ledger | null;
  /** All tokens of the last turn, with its answer. */
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
  reading: 'nothing',
  summaryThrough: 0,
  ledger: null,
  tokensUsed: null,
};

/** Reads the page before a position; the newest one before `null`. */
export type ReadPage = (before: number | null) => Promise<MessagePage>;

const noPages: ReadPage = () => Promise.reject(new Error('a new chat has no pages'));

/**
 * One conversation as it is shown. Everything is known by its id, so that an event that comes twice
 * changes nothing, and a turn that is replayed builds its answer anew.
 */
export class Thread {
  readonly state: Store<ThreadState>;
  /** Answers whose turn has begun (again), and of which nothing has come. */
  readonly #begun = new Set<string>();
  /** The turn of which the page did not have the answer, and so not its versions. */
  #unreadTurn: string | null = null;

  constructor(
    readonly conversationId: string | null,
    phase: ThreadState['phase'],
    private readonly readPage: ReadPage = noPages,
  ) {
    this.state = new Store({ ...EMPTY, phase });
  }

  fail(phase: 'missing' | 'failed'): void {
    this.#set({ phase });
  }

  /** The newest page, in place of what was known. */
  load(page: MessagePage): void {
    this.#unreadTurn = page.running_turn;
    this.state.update((state) => ({
      ...state,
      ...withNewest(state, page),
      phase: 'ready',
      runningTurn: page.running_turn,
    }));
  }

  async readOlder(): Promise<void> {
    const { nextBefore, reading } = this.state.value;
    if (nextBefore === null || isReading(reading)) return;
    await this.#read('older', nextBefore, withOlder);
  }

  /** Reads what the gap lacks, from where the reader comes to it. */
  async fillGap(fromBegin: boolean): Promise<void> {
    const { gap, reading } = this.state.value;
    if (gap === null || isReading(reading)) return;
    const before = fillBefore(gap, fromBegin);
    await this.#read('gap', before, (state, page) => withFilled(state, page, before));
  }

  /** Brings the message at this position before the reader's eyes, with what stands around it. */
  async showMessage(position: number): Promise<void> {
    await this.#settled();
    if (messageAt(this.state.value, position) === undefined) {
      const before = position + PAGE_SIZE / 2;
      await this.#read('gap', before, (state, page) => withDistant(state, page, before));
    }
    const message = messageAt(this.state.value, position);
    if (message) this.#set({ target: { id: message.id } });
  }

  /** Shows a message that is on its way. */
  sending(clientMessageId: string, content: string): void {
    this.#change(onItsWay(clientMessageId, content));
  }

  /** A message that was refused stays to be sent again. */
  refused(clientMessageId: string, problem: Problem): void {
    const { editing } = this.state.value;
    const message = this.find(clientMessageId);
    if (message) this.#change({ ...message, status: 'unsent', problem });
    else if (editing?.clientMessageId === clientMessageId) {
      this.#set({ editing: { ...editing, isSent: false, problem } });
    }
  }

  /** Whether this browser waits for an answer to the message of this name. */
  knows(clientMessageId: string): boolean {
    return (
      this.find(clientMessageId) !== undefined ||
      this.state.value.editing?.clientMessageId === clientMessageId
    );
  }

  edit(editing: Editing | null): void {
    this.#set({ editing });
  }

  summarised(through: number): void {
    this.#set({ summaryThrough: through });
  }

  forget(id: string): void {
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
        return this.#accepted(data);
      case 'response_chunk':
        return this.#grow(data.turn_id, data.chunk);
      case 'error':
        return this.#turnFailed(data);
      case 'response_end':
        return this.#ended(data);
      case 'token_usage':
        return this.#set({
          ledger: data.ledger,
          tokensUsed: data.total_tokens_used,
          summaryThrough: data.ledger.summary_through,
        });
      case 'conversation_updated':
        if (data.change === 'deleted') this.fail('missing');
        else if (data.change === 'compacted') this.summarised(data.summary_through);
    }
  }

  #accepted(accepted: MessageAccepted & { seq?: number }): void {
    // Said to this browser alone, as it sent twice: the turn may have ended long ago.
    if (accepted.seq === undefined && this.find(accepted.answer_id)) {
      if (accepted.client_message_id) this.forget(accepted.client_message_id);
      return;
    }
    this.#begun.add(accepted.answer_id);
    this.state.update((state) => ({
      ...state,
      phase: 'ready',
      runningTurn: accepted.turn_id,
      messages: accept(state.messages, accepted),
      editing: isSentEdit(state.editing, accepted) ? null : state.editing,
    }));
  }

  #grow(turnId: string, chunk: string): void {
    const answer = answerOf(this.state.value.messages, turnId);
    if (answer?.status !== 'streaming') return;
    // What there was before stays in sight until the turn has said something.
    const before = this.#begun.delete(answer.id) ? '' : answer.content;
    this.#change({ ...answer, content: before + chunk });
  }

  #turnFailed(failed: ErrorData): void {
    const answer = failed.turn_id && answerOf(this.state.value.messages, failed.turn_id);
    if (answer) this.#change({ ...answer, problem: problemOf(failed) });
  }

  #ended(end: ResponseEnd): void {
    const answer = this.find(end.message_id);
    if (answer) this.#change({ ...answer, status: end.status });
    if (this.state.value.runningTurn === end.turn_id) this.#set({ runningTurn: null });
    if (this.#unreadTurn === end.turn_id) void this.#readVersions();
  }

  /** The versions of an answer that was being made when the page was read. */
  async #readVersions(): Promise<void> {
    this.#unreadTurn = null;
    try {
      const { messages } = await this.readPage(null);
      const versions = new Map(messages.map((message) => [message.message_id, message.versions]));
      this.state.update((state) => ({
        ...state,
        messages: state.messages.map((message) => {
          const known = versions.get(message.id);
          const isNews = known !== undefined && known.length !== message.versions.length;
          return isNews ? { ...message, versions: known } : message;
        }),
      }));
    } catch {
      // The answer is shown; only how many versions it has is not.
    }
  }

  async #read(
    reading: 'older' | 'gap',
    before: number,
    change: (state: ThreadState, page: MessagePage) => Loaded,
  ): Promise<void> {
    this.#set({ reading });
    try {
      const page = await this.readPage(before);
      this.state.update((state) => ({ ...state, ...change(state, page), reading: 'nothing' }));
    } catch {
      this.#set({ reading: 'failed' });
    }
  }

  /** Waits until the newest page is there. */
  async #settled(): Promise<void> {
    if (this.state.value.phase !== 'loading') return;
    await new Promise<void>((resolve) => {
      const end = this.state.subscribe(() => {
        if (this.state.value.phase === 'loading') return;
        end();
        resolve();
      });
    });
  }

  #set(changes: Partial<ThreadState>): void {
    this.state.update((state) => ({ ...state, ...changes }));
  }

  /** Replaces the message, or adds it as the newest. */
  #change(changed: ThreadMessage): void {
    this.state.update((state) => ({
      ...state,
      phase: 'ready',
      messages: replace(state.messages, changed),
    }));
  }
}

export function problemOf({ message, code, retry_after_ms: wait }: ErrorData): Problem {
  return { message, code, retryAt: wait === undefined ? null : Date.now() + wait };
}

function isReading(reading: ThreadState['reading']): boolean {
  return reading === 'older' || reading === 'gap';
}

function isSentEdit(editing: Editing | null, accepted: MessageAccepted): boolean {
  return (
    editing !== null && editing.isSent && editing.clientMessageId === accepted.client_message_id
  );
}
