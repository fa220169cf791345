/** A ping is sent after this time without a message from the server. */
const IDLE_MS = 7000;
const HIDDEN_IDLE_MS = 30_000;

/** The server must send something within this time after a ping. */
const RESPONSE_MS = 5000;

/** The slowest uplink that is not taken for a dead one, in bytes per millisecond. */
const MIN_BYTES_PER_MS = 10;

/**
 * Finds out whether a connection is still alive. After sleep, or when a router has forgotten the connection,
 * the browser reports nothing: the connection looks open, but nothing arrives any more.
 */
export class Heartbeat {
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  #responseTimer: ReturnType<typeof setTimeout> | undefined;
  #receivedAt = 0;
  /** When the response to the pending ping is due. */
  #dueAt = 0;

  constructor(
    private readonly ping: () => void,
    private readonly ondead: () => void,
  ) {}

  start(): void {
    this.stop();
    this.#receivedAt = Date.now();
    this.#waitForSilence();
  }

  stop(): void {
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#responseTimer);
    this.#responseTimer = undefined;
  }

  /** Something has arrived. */
  received(): void {
    this.#receivedAt = Date.now();
    clearTimeout(this.#responseTimer);
    this.#responseTimer = undefined;
  }

  /** Pings the server, unless a ping is pending. The response has to wait until `bytesBefore` bytes are sent. */
  check(bytesBefore = 0): void {
    const isPending = this.#responseTimer !== undefined;
    const dueAt = isPending ? this.#dueAt : Date.now() + RESPONSE_MS;
    this.#dueAt = dueAt + bytesBefore / MIN_BYTES_PER_MS;
    clearTimeout(this.#responseTimer);
    this.#responseTimer = setTimeout(() => this.ondead(), this.#dueAt - Date.now());
    if (!isPending) this.ping();
  }

  #waitForSilence(): void {
    const limitMs = document.hidden ? HIDDEN_IDLE_MS : IDLE_MS;
    const silentMs = Date.now() - this.#receivedAt;
    if (silentMs >= limitMs) this.check();
    const waitMs = silentMs >= limitMs ? limitMs : limitMs - silentMs;
    this.#idleTimer = setTimeout(() => this.#waitForSilence(), waitMs);
  }
}
