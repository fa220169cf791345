import type {
  ConversationEvent,
  ErrorData,
  Ledger,
  Message,
  MessageAccepted,
  MessagePage,
  MessageStatus,
  ResponseEnd,
  Role,
} from '../protocol';
import { Store } from './store';

export interface ThreadMessage {
  /** The message's id; of one that is not stored yet, the name this browser gave it. */
  id: string;
  turnId: string | null;
  role: Role;
  content: string;
  status: MessageStatus | 'streaming' | 'sending' | 'unsent';
  position: number | null;
  /** Why it failed or was not sent. */
  error: string | null;
}

export interface ThreadState {
  phase: 'new' | 'loading' | 'ready' | 'missing' | 'failed';
  /** Oldest first. */
  messages: readonly ThreadMessage[];
  /** Where the page of older messages ends. */
  nextBefore: number | null;
  /** The turn whose answer is being made. */
  runningTurn: string | null;
  ledger: Ledger | null;
  /** All tokens of the last turn, with its answer. */
  tokensUsed: number | null;
  /** The message to be shown to the reader: a new object each time. */
  target: { id: string } | null;
}

const EMPTY: ThreadState = {
  phase: 'new',
  messages: [],
  nextBefore: null,
  runningTurn: null,
  ledger: null,
  tokensUsed: null,
  target: null,
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

  constructor(
    readonly conversationId: string | null,
    phase: ThreadState['phase'],
    private readonly readPage: ReadPage = noPages,
  ) {
    this.state = new Store({ ...EMPTY, phase });
  }

  fail(phase: 'missing' | 'failed'): void {
    this.state.update((state) => ({ ...state, phase }));
  }

  /** The newest page, in place of all that was known; what is not stored yet stays. */
  load(page: MessagePage): void {
    this.state.update((state) => {
      const stored = page.messages.map(shown);
      const ids = new Set(stored.map((message) => message.id));
      const unstored = state.messages.filter(
        (message) => isUnstored(message) && !ids.has(message.id),
      );
      return {
        ...state,
        phase: 'ready',
        messages: [...stored, ...unstored],
        nextBefore: page.next_before,
        runningTurn: page.running_turn,
      };
    });
  }

  loadOlder(page: MessagePage): void {
    this.state.update((state) => {
      const known = new Set(state.messages.map((message) => message.id));
      const older = page.messages.map(shown).filter((message) => !known.has(message.id));
      return {
        ...state,
        messages: [...older, ...state.messages],
        nextBefore: page.next_before,
      };
    });
  }

  /** Brings the message at this position before the reader's eyes. */
  async showMessage(position: number): Promise<void> {
    let { nextBefore } = this.state.value;
    while (nextBefore !== null && nextBefore > position) {
      this.loadOlder(await this.readPage(nextBefore));
      ({ nextBefore } = this.state.value);
    }
    const message = this.state.value.messages.find(
      (each) => each.position !== null && each.position >= position,
    );
    if (message) this.state.update((state) => ({ ...state, target: { id: message.id } }));
  }

  /** Shows a message that is on its way. */
  sending(clientMessageId: string, content: string): void {
    this.change(clientMessageId, {
      id: clientMessageId,
      turnId: null,
      role: 'user',
      content,
      status: 'sending',
      position: null,
      error: null,
    });
  }

  /** A message that was refused stays to be sent again. */
  refused(clientMessageId: string, error: string): void {
    const message = this.find(clientMessageId);
    if (message) this.change(clientMessageId, { ...message, status: 'unsent', error });
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
        return this.state.update((state) => ({
          ...state,
          ledger: data.ledger,
          tokensUsed: data.total_tokens_used,
        }));
      case 'conversation_updated':
        if (data.change === 'deleted') this.fail('missing');
    }
  }

  #accepted(accepted: MessageAccepted): void {
    const { turn_id: turnId, client_message_id: clientMessageId } = accepted;
    const question: ThreadMessage = {
      id: accepted.message_id,
      turnId,
      role: 'user',
      content: accepted.content,
      status: 'complete',
      position: accepted.position,
      error: null,
    };
    const answer: ThreadMessage = {
      id: accepted.answer_id,
      turnId,
      role: 'assistant',
      content: '',
      status: 'streaming',
      position: accepted.position + 1,
      error: null,
    };
    this.state.update((state) => {
      const replaced = new Set([question.id, answer.id, clientMessageId]);
      const others = state.messages.filter((message) => !replaced.has(message.id));
      const later = others.filter(
        (message) => message.position === null || message.position > accepted.position,
      );
      const earlier = others.slice(0, others.length - later.length);
      return {
        ...state,
        phase: 'ready',
        runningTurn: turnId,
        messages: [...earlier, question, answer, ...later],
      };
    });
  }

  #grow(turnId: string, chunk: string): void {
    const answer = this.#answer(turnId);
    if (answer?.status === 'streaming') {
      this.change(answer.id, { ...answer, content: answer.content + chunk });
    }
  }

  #turnFailed(failed: ErrorData): void {
    const answer = failed.turn_id === undefined ? undefined : this.#answer(failed.turn_id);
    if (answer) this.change(answer.id, { ...answer, error: failed.message });
  }

  #ended(end: ResponseEnd): void {
    const answer = this.find(end.message_id);
    if (answer) this.change(answer.id, { ...answer, status: end.status });
    this.state.update((state) =>
      state.runningTurn === end.turn_id ? { ...state, runningTurn: null } : state,
    );
  }

  #answer(turnId: string): ThreadMessage | undefined {
    return this.state.value.messages.findLast(
      (message) => message.turnId === turnId && message.role === 'assistant',
    );
  }

  /** Replaces the message, or adds it as the newest. */
  private change(id: string, changed: ThreadMessage): void {
    this.state.update((state) => {
      const at = state.messages.findIndex((message) => message.id === id);
      const messages = at < 0 ? [...state.messages, changed] : state.messages.with(at, changed);
      return { ...state, phase: 'ready', messages };
    });
  }
}

function shown(message: Message): ThreadMessage {
  return {
    id: message.message_id,
    turnId: message.turn_id,
    role: message.role,
    content: message.content,
    status: message.status,
    position: message.position,
    error: null,
  };
}

function isUnstored(message: ThreadMessage): boolean {
  return message.status === 'sending' || message.status === 'unsent';
}
