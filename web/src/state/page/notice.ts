import { Store } from '../store';

/** An error message, which may expire. */
export class Notice extends Store<string | null> {
  /** When the message expires, in milliseconds since 1970; `null` if it doesn't. */
  expiresAt: number | null = null;

  show(text: string, expiresAt: number | null): void {
    this.expiresAt = expiresAt;
    this.set(text);
  }

  override set(text: string | null): void {
    if (text === null) this.expiresAt = null;
    super.set(text);
  }
}

/** The number of seconds from `now` until `time`, rounded up; at least one. */
export function secondsUntil(time: number, now: number): number {
  return Math.max(1, Math.ceil((time - now) / 1000));
}
