import { Store } from '../store';

/** An error message. `until` is when it expires, in milliseconds since 1970; `null` for never. */
export class Notice extends Store<string | null> {
  until: number | null = null;

  show(text: string, until: number | null): void {
    this.until = until;
    this.set(text);
  }

  override set(text: string | null): void {
    if (text === null) this.until = null;
    super.set(text);
  }
}

/** The number of seconds until then, rounded up; at least one. */
export function secondsUntil(until: number, now: number): number {
  return Math.max(1, Math.ceil((until - now) / 1000));
}
