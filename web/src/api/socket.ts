import { Store } from '../state/store';
import { backoffDelay } from './backoff';
import type { OutgoingMessage, Outbox } from './outbox';
import type { ClientEvent, MessageCommand, ServerEvent } from './types';

export type ConnectionState =
  'connecting' | 'connected' | 'reconnecting' | 'restarting' | 'offline';

/** The part of `WebSocket` that is used, so that tests can provide a fake. */
export interface WebSocketLike {
  send(frame: string): void;
  close(): void;
  addEventListener(type: 'open', listener: () => void): void;
  addEventListener(type: 'close', listener: (close: { code: number }) => void): void;
  addEventListener(type: 'message', listener: (message: { data: unknown }) => void): void;
}

/** The close code of a server that is restarting. */
const SERVICE_RESTART = 1012;

/**
 * The live connection to the server. It reconnects with backoff, resumes every subscription after the last
 * event received, and resends messages that the server has not accepted. Sending a message twice is harmless:
 * the server detects duplicates by `client_message_id`.
 */
export class LiveSocket {
  readonly connection = new Store<ConnectionState>('connecting');
  /** Called with each event, in order of arrival. */
  onevent: (event: ServerEvent) => void = () => {};

  readonly #open: () => WebSocketLike;
  readonly #random: () => number;
  #socket: WebSocketLike | null = null;
  #isOpen = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The sequence number of the last event received, by subscribed conversation. */
  readonly #lastSeqs = new Map<string, number>();

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
      if (socket === this.#socket) this.#handleOpen();
    });
    socket.addEventListener('message', ({ data }) => {
      if (socket === this.#socket && typeof data === 'string') this.#handleMessage(data);
    });
    socket.addEventListener('close', ({ code }) => {
      if (socket === this.#socket) this.#handleClose(code);
    });
  }

  /** Reconnects without waiting for the backoff, for example when the network is back. */
  retryNow(): void {
    if (!this.#isOpen) this.connect();
  }

  /** Drops the connection when the network is lost. Otherwise, the browser would notice much later. */
  dropConnection(): void {
    if (!this.#isOpen) return;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#handleClose(0);
  }

  subscribe(conversationId: string, after: number): void {
    this.#lastSeqs.set(conversationId, after);
    this.#sendEvent({ event: 'subscribe', data: { conversation_id: conversationId, after } });
  }

  unsubscribe(conversationId: string): void {
    if (this.#lastSeqs.delete(conversationId)) {
      this.#sendEvent({ event: 'unsubscribe', data: { conversation_id: conversationId } });
    }
  }

  send(message: OutgoingMessage): void {
    this.outbox.put(message);
    this.#sendMessage(message);
  }

  /**
   * Sends a command. Returns `false` while disconnected: a command is not queued, because running it
   * later would surprise the user.
   */
  sendCommand(command: MessageCommand): boolean {
    if (this.#isOpen) this.#sendEvent(command);
    return this.#isOpen;
  }

  stop(conversationId: string): void {
    this.#sendEvent({ event: 'stop', data: { conversation_id: conversationId } });
  }

  #handleOpen(): void {
    this.#isOpen = true;
    this.#failures = 0;
    this.connection.set('connected');
    for (const [conversation_id, after] of this.#lastSeqs) {
      this.#sendEvent({ event: 'subscribe', data: { conversation_id, after } });
    }
    for (const message of this.outbox.pending()) this.#sendMessage(message);
  }

  #handleMessage(text: string): void {
    const event = JSON.parse(text) as ServerEvent;
    this.#updateState(event);
    this.onevent(event);
  }

  /** Updates the sequence numbers, and removes or rejects messages in the outbox. */
  #updateState(frame: ServerEvent): void {
    switch (frame.event) {
      case 'response':
      case 'pong':
      case 'conversation_listed':
      case 'conversation_unlisted':
      case 'list_changed':
        return;
      case 'subscribed':
        this.#advance(frame.data.conversation_id, frame.data.event_seq);
        return;
      case 'message_accepted':
        if (frame.data.client_message_id) this.outbox.remove(frame.data.client_message_id);
        break;
      case 'error':
        if ('turn_id' in frame.data) {
          this.#advance(frame.data.conversation_id, frame.data.seq);
        } else if (frame.data.client_message_id) {
          const { client_message_id, message, code } = frame.data;
          this.outbox.reject(client_message_id, message, code);
        }
        return;
    }
    if (frame.data.seq !== undefined) this.#advance(frame.data.conversation_id, frame.data.seq);
  }

  #advance(conversationId: string, seq: number): void {
    if (this.#lastSeqs.has(conversationId)) this.#lastSeqs.set(conversationId, seq);
  }

  #handleClose(code: number): void {
    this.#isOpen = false;
    this.#failures += 1;
    this.connection.set(this.#stateAfterClose(code));
    this.#timer = setTimeout(() => this.connect(), backoffDelay(this.#failures, this.#random));
  }

  #stateAfterClose(code: number): ConnectionState {
    if (!navigator.onLine) return 'offline';
    // While the server restarts, attempts to reconnect fail with other codes.
    const isRestarting = code === SERVICE_RESTART || this.connection.value === 'restarting';
    return isRestarting ? 'restarting' : 'reconnecting';
  }

  #sendMessage(outgoing: OutgoingMessage): void {
    const { message, conversation_id, client_message_id, message_id } = outgoing;
    const data = { message, conversation_id, client_message_id };
    if (message_id === undefined) this.#sendEvent({ event: 'send_message', data });
    else this.#sendEvent({ event: 'edit_message', data: { ...data, message_id } });
  }

  /** Sends nothing while disconnected: `#handleOpen` restores subscriptions and pending messages. */
  #sendEvent(event: ClientEvent): void {
    if (this.#isOpen) this.#socket?.send(JSON.stringify(event));
  }
}
