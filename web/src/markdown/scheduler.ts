/** The maximum duration of uninterrupted work: longer work may drop frames. */
const SLICE_MS = 4;

let sliceStart = 0;

/**
 * Yields to the browser if the current slice of work has taken too long, so that it can paint and
 * handle input. Await this between the items of long-running work.
 */
export async function yieldToMain(): Promise<void> {
  if (performance.now() - sliceStart < SLICE_MS) return;
  await new Promise((resolve) => setTimeout(resolve));
  sliceStart = performance.now();
}

const queue: (() => void)[] = [];
let isRunning = false;

/**
 * Runs the work later, last in first out, yielding to the browser in between. A failure
 * rejects only the promise of the work that failed.
 */
export function enqueue(work: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    queue.push(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
    if (!isRunning) void drain();
  });
}

/**
 * Runs all queued work now, without yielding to the browser: before the page is printed. Returns whether there was any.
 */
export function runQueued(): boolean {
  const hasWork = queue.length > 0;
  while (queue.length > 0) queue.pop()?.();
  return hasWork;
}

async function drain(): Promise<void> {
  isRunning = true;
  do {
    await yieldToMain();
    queue.pop()?.();
  } while (queue.length > 0);
  isRunning = false;
}
