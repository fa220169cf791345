import { Store } from '../store';

/** What went wrong, said once. Where it passes by itself, `until` says when, in ms since 1970. */
export class Notice extends Store<string | null> {
  until: number | null = null;

  say(text: string, until: number | null): void {
    this.until = until;
    this.set(text);
  }

  override set(text: string | null): void {
    if (text === null) this.until = null;
    super.set(text);
  }
}

/** Whole seconds until then, at least one. */
export function secondsUntil(until: number, now: number): number {
  return Math.max(1, Math.ceil((until - now) / 1000));
}
