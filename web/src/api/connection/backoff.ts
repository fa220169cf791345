const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;

/**
 * Returns how long to wait before the next attempt, after this number of failures in a row. The full jitter
 * keeps the clients of a lost server from returning all at the same time.
 */
export function backoffDelay(failures: number, random: () => number = Math.random): number {
  return random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
}

/** Like `backoffDelay`, but at least until the time from which the server accepts the request, if it is known. */
export function retryDelay(failures: number, retryAt: number | null): number {
  return Math.max(backoffDelay(failures), (retryAt ?? 0) - Date.now());
}
