import type { MessageCommand, SendMessage, ServerFrame } from './types';
import type { Outbox } from './outbox';
import { Store } from '../state/store';

export type Connection = 'connecting' | 'connected' | 'reconnecting' | 'restarting' | 'offline';

/** As much of a `WebSocket` as is needed, so that tests can bring their own. */
export interface WebSocketLike {
  send(frame: string): void;
  close(): void;
  addEventListener(type: 'open', listener: () => void): void;
  addEventListener(type: 'close', listener: (close: { code: number }) => void): void;
  addEventListener(type: 'message', listener: (message: { data: unknown }) => void): void;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;

/** The code with which a server closes that will be back. */
const SERVICE_RESTART = 1012;

/**
 * The live connection: it comes back by itself, continues every subscription where it stood, and
 * sends again what was not acknowledged. Sending twice is harmless: the server knows a message by
 * its `client_message_id`.
 */
export class LiveSocket {
  readonly connection = new Store<Connection>('connecting');
  /** Called with each frame, in order. */
  onframe: (frame: ServerFrame) => void = () => {};

  readonly #open: () => WebSocketLike;
  readonly #random: () => number;
  #socket: WebSocketLike | null = null;
  #isOpen = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The last event of each conversation that is followed. */
  readonly #followed = new Map<string, number>();

  constructor(
    open: () => WebSocketLike,
    readonly outbox: Outbox,
    random: () => number = Math.random,
  ) {
    this.#open = open;
    this.#random = random;
  }

  connect(): void {
    clearTimeout(this.#timer);
    this.#socket?.close();
    const socket = this.#open();
    this.#socket = socket;
    socket.addEventListener('open', () => {
      if (socket === this.#socket) this.#opened();
    });
    socket.addEventListener('message', ({ data }) => {
      if (socket === this.#socket && typeof data === 'string') this.#received(data);
    });
    socket.addEventListener('close', ({ code }) => {
      if (socket === this.#socket) this.#closed(code);
    });
  }

  /** The network is back: there is no reason to wait longer. */
  retryNow(): void {
    if (!this.#isOpen) this.connect();
  }

  /** The network is gone: a connection over it would be found dead only much later. */
  networkLost(): void {
    if (!this.#isOpen) return;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#closed(0);
  }

  follow(conversationId: string, after: number): void {
    this.#followed.set(conversationId, after);
    this.#say('subscribe', { conversation_id: conversationId, after });
  }

  unfollow(conversationId: string): void {
    if (this.#followed.delete(conversationId)) {
      this.#say('unsubscribe', { conversation_id: conversationId });
    }
  }

  send(message: SendMessage): void {
    this.outbox.put(message);
    this.#sayMessage(message);
  }

  /** `false` without a connection: then it is not said later either, when it may surprise. */
  command(command: MessageCommand, data: object): boolean {
    if (this.#isOpen) this.#say(command, data);
    return this.#isOpen;
  }

  stop(conversationId: string): void {
    this.#say('stop', { conversation_id: conversationId });
  }

  #opened(): void {
    this.#isOpen = true;
    this.#failures = 0;
    this.connection.set('connected');
    for (const [conversation_id, after] of this.#followed) {
      this.#say('subscribe', { conversation_id, after });
    }
    for (const message of this.outbox.pending()) this.#sayMessage(message);
  }

  #received(text: string): void {
    const frame = JSON.parse(text) as ServerFrame;
    this.#keepPlace(frame);
    this.onframe(frame);
  }

  #keepPlace(frame: ServerFrame): void {
    switch (frame.event) {
      case 'response':
      case 'pong':
      case 'conversation_listed':
      case 'conversation_unlisted':
      case 'list_changed':
        return;
      case 'subscribed':
        this.#reach(frame.data.conversation_id, frame.data.event_seq);
        return;
      case 'message_accepted':
        if (frame.data.client_message_id) this.outbox.drop(frame.data.client_message_id);
        break;
      case 'error':
        if (frame.data.client_message_id) {
          const { client_message_id, message, code } = frame.data;
          this.outbox.refuse(client_message_id, message, code);
        }
    }
    if (frame.data.seq !== undefined) this.#reach(frame.data.conversation_id, frame.data.seq);
  }

  #reach(conversationId: string, seq: number): void {
    if (this.#followed.has(conversationId)) this.#followed.set(conversationId, seq);
  }

  #closed(code: number): void {
    this.#isOpen = false;
    this.#failures += 1;
    this.connection.set(this.#lost(code));
    // Full jitter: many browsers that lost the same server don't come back all at once.
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#failures - 1));
    this.#timer = setTimeout(() => this.connect(), this.#random() * longest);
  }

  #lost(code: number): Connection {
    if (!navigator.onLine) return 'offline';
    // Until it is back, connections to it fail in other ways.
    const isRestarting = code === SERVICE_RESTART || this.connection.value === 'restarting';
    return isRestarting ? 'restarting' : 'reconnecting';
  }

  #sayMessage(unsent: SendMessage): void {
    const { message, conversation_id, client_message_id, message_id } = unsent;
    const said = { message, conversation_id, client_message_id };
    if (message_id === undefined) this.#say('send_message', said);
    else this.#say('edit_message', { ...said, message_id });
  }

  /** What can't be said now is said when the connection is back: see `#opened`. */
  #say(event: string, data: object): void {
    if (this.#isOpen) this.#socket?.send(JSON.stringify({ event, data }));
  }
}
