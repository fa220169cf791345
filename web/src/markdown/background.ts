const running = new Set<Promise<unknown>>();

/** Runs rendering that the page does not wait for, such as highlighting. Its failure leaves the plain text. */
export function inBackground(work: Promise<unknown>): void {
  const tracked = work.catch(() => {}).finally(() => running.delete(tracked));
  running.add(tracked);
}

/** Waits until no rendering runs in the background. */
export async function backgroundDone(): Promise<void> {
  while (running.size > 0) await Promise.all(running);
}
