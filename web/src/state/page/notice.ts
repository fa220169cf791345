import { Store } from '../store';

/** An error message, which may expire. */
export class Notice extends Store<string | null> {
  /** When the message expires, in milliseconds since 1970; `null` if it doesn't. */
  expiresAt: number | null = null;
  /** What the page tries again when the message expires; `null` if nothing. */
  #retry: (() => void) | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Whether the page tries again when the message expires. Setting the notice to `null` cancels that. */
  get willRetry(): boolean {
    return this.#retry !== null;
  }

  show(text: string, expiresAt: number | null, retry: (() => void) | null = null): void {
    clearTimeout(this.#timer);
    this.expiresAt = expiresAt;
    this.#retry = retry;
    if (expiresAt !== null) {
      this.#timer = setTimeout(() => this.#expire(), Math.max(0, expiresAt - Date.now()));
    }
    // Reports a new expiry of the same text, too.
    if (text === this.value) super.set(null);
    super.set(text);
  }

  override set(text: string | null): void {
    clearTimeout(this.#timer);
    this.expiresAt = null;
    this.#retry = null;
    super.set(text);
  }

  #expire(): void {
    this.#retry?.();
    this.set(null);
  }
}

/** The number of seconds from `now` until `time`, rounded up; at least one. */
export function secondsUntil(time: number, now: number): number {
  return Math.max(1, Math.ceil((time - now) / 1000));
}
