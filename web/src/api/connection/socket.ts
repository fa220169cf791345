import { Store } from '../../state/store';
import { backoffDelay } from './backoff';
import type { ConnectionProblem } from './connection-problem';
import { Heartbeat } from './heartbeat';
import { MessageQueue } from './message-queue';
import type { Outbox, OutgoingMessage } from './outbox';
import type { ClientEvent, MessageCommand, ServerEvent } from '../types';

export type ConnectionState =
  'connecting' | 'connected' | 'reconnecting' | 'restarting' | 'offline' | ConnectionProblem;

/** The part of `WebSocket` that is used, so that tests can provide a fake. */
export interface WebSocketLike {
  send(frame: string): void;
  close(): void;
  readonly readyState?: number;
  addEventListener(type: 'open', listener: () => void): void;
  addEventListener(type: 'close', listener: (close: { code: number }) => void): void;
  addEventListener(type: 'message', listener: (message: { data: unknown }) => void): void;
}

/** The close code of a server that is restarting. */
const SERVICE_RESTART = 1012;

/** The close code of a server for which the session has ended. */
const SESSION_ENDED = 4401;

/** After this time, an attempt to connect has failed. */
const CONNECT_TIMEOUT_MS = 10_000;

/** An attempt to connect that is younger than this is not replaced by another one. */
const FRESH_ATTEMPT_MS = 2000;

/**
 * The live connection to the server. It reconnects with backoff, resumes every subscription after the last
 * event received, and sends the messages in the outbox.
 */
export class LiveSocket {
  readonly connection = new Store<ConnectionState>('connecting');
  /** Called with each event, in order of arrival. */
  onevent: (event: ServerEvent) => void = () => {};
  /** Finds out why the server refuses the connection: the browser does not report it. */
  findProblem: () => Promise<ConnectionProblem | null> = () => Promise.resolve(null);

  readonly #open: () => WebSocketLike;
  readonly #random: () => number;
  readonly #heartbeat: Heartbeat;
  readonly #queue: MessageQueue;
  #socket: WebSocketLike | null = null;
  #isOpen = false;
  #connectingSince = 0;
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
    this.#heartbeat = new Heartbeat(
      () => this.#sendEvent({ event: 'ping', data: {} }),
      () => this.dropConnection(),
    );
    this.#queue = new MessageQueue(outbox, (event) => this.#sendMessage(event));
  }

  connect(): void {
    clearTimeout(this.#timer);
    this.#heartbeat.stop();
    this.#socket?.close();
    this.#isOpen = false;
    this.#connectingSince = Date.now();
    const socket = this.#open();
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#giveUp(socket), CONNECT_TIMEOUT_MS);
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

  /** Reconnects without waiting for the backoff, because the user asks for it. */
  retryNow(): void {
    if (!this.#isOpen) this.connect();
  }

  /** Checks the connection, for example when the user returns to the page. Reconnects if it is lost. */
  check(): void {
    if (this.#isOpen) this.#heartbeat.check();
    else if (Date.now() - this.#connectingSince > FRESH_ATTEMPT_MS) this.connect();
  }

  /** Drops a dead connection. Otherwise, the browser would notice much later. */
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

  /** Puts the message into the outbox, and sends it if the connection is open. Returns `false` if it is not stored. */
  send(message: OutgoingMessage): boolean {
    const isStored = this.outbox.put(message);
    this.sendPending();
    return isStored;
  }

  /** Sends the messages in the outbox that can be sent now. */
  sendPending(): void {
    if (this.#isOpen) this.#queue.flush();
  }

  /**
   * Sends a command. Returns `false` while disconnected: a command is not queued, because running it
   * later would surprise the user.
   */
  sendCommand(command: MessageCommand): boolean {
    if (this.#isOpen) this.#sendEvent(command);
    return this.#isOpen;
  }

  /** Stops the running answer. Returns `false` while disconnected. */
  stop(conversationId: string): boolean {
    this.#sendEvent({ event: 'stop', data: { conversation_id: conversationId } });
    if (this.#isOpen) this.#heartbeat.check();
    return this.#isOpen;
  }

  #handleOpen(): void {
    clearTimeout(this.#timer);
    this.#isOpen = true;
    this.#failures = 0;
    this.#heartbeat.start();
    this.connection.set('connected');
    for (const [conversation_id, after] of this.#lastSeqs) {
      this.#sendEvent({ event: 'subscribe', data: { conversation_id, after } });
    }
    this.#queue.restart();
  }

  #handleMessage(text: string): void {
    this.#heartbeat.received();
    const event = JSON.parse(text) as ServerEvent;
    this.#advance(event);
    if (event.event === 'response_end') this.#leave(event.data.conversation_id);
    const isHandled = this.#queue.handle(event);
    if (!isHandled) this.onevent(event);
  }

  /** Remembers the sequence number of the event. */
  #advance({ event, data }: ServerEvent): void {
    if (!('conversation_id' in data) || data.conversation_id === undefined) return;
    const seq = event === 'subscribed' ? data.event_seq : 'seq' in data ? data.seq : undefined;
    if (seq !== undefined && this.#lastSeqs.has(data.conversation_id)) {
      this.#lastSeqs.set(data.conversation_id, seq);
    }
  }

  /** Ends the subscription that came with a message to a conversation that is not open. */
  #leave(conversationId: string): void {
    if (this.#lastSeqs.has(conversationId)) return;
    this.#sendEvent({ event: 'unsubscribe', data: { conversation_id: conversationId } });
  }

  #giveUp(socket: WebSocketLike): void {
    this.#socket = null;
    socket.close();
    this.#handleClose(0);
  }

  #handleClose(code: number): void {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    this.#heartbeat.stop();
    this.#queue.pause();
    clearTimeout(this.#timer);
    this.#failures += 1;
    this.connection.set(this.#stateAfterClose(code, wasOpen));
    this.#timer = setTimeout(() => this.connect(), backoffDelay(this.#failures, this.#random));
    if (!wasOpen || code === SESSION_ENDED) void this.#reportProblem();
  }

  #stateAfterClose(code: number, wasOpen: boolean): ConnectionState {
    if (!navigator.onLine) return 'offline';
    const previous = this.connection.value;
    // While the server restarts, attempts to reconnect fail with other codes.
    if (code === SERVICE_RESTART) return 'restarting';
    const isExplained = !wasOpen && previous !== 'connecting' && previous !== 'offline';
    return isExplained ? previous : 'reconnecting';
  }

  async #reportProblem(): Promise<void> {
    const problem = await this.findProblem();
    const { value } = this.connection;
    if (this.#isOpen || value === 'offline') return;
    if (problem !== null) this.connection.set(problem);
    else if (value !== 'restarting') this.connection.set('reconnecting');
  }

  #sendMessage(event: ClientEvent): void {
    const frame = this.#sendEvent(event);
    // A message that vanishes in a dead connection would look as if it were being sent for minutes.
    this.#heartbeat.check(frame.length);
  }

  /** Sends nothing while disconnected: `#handleOpen` restores subscriptions and pending messages. */
  #sendEvent(event: ClientEvent): string {
    const frame = JSON.stringify(event);
    // The server may have begun to close it: a frame would only be an error in the browser's log.
    const isClosing = (this.#socket?.readyState ?? WebSocket.OPEN) > WebSocket.OPEN;
    if (this.#isOpen && !isClosing) this.#socket?.send(frame);
    return frame;
  }
}
