import { ApiError } from '../../api/http';
import type { Notice } from '../../state/page/notice';
import { MAX_RETRY_WAIT_MS } from '../../state/thread/thread';

const TOO_MANY_REQUESTS = 429;

/**
 * Repeats a call that a rate limit rejects, as soon as the server accepts it. The notice shows the countdown.
 * Returns `null` if the user cancels it.
 */
export async function whenAllowed<T>(notice: Notice, call: () => Promise<T>): Promise<T | null> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ApiError) || !isSoonAllowed(error)) throw error;
      if (!(await countDown(notice, error))) return null;
    }
  }
}

function isSoonAllowed({ status, retryAt }: ApiError): boolean {
  if (status !== TOO_MANY_REQUESTS || retryAt === null) return false;
  return retryAt - Date.now() <= MAX_RETRY_WAIT_MS;
}

/** Returns `false` if the user cancels, or if another notice replaces this one. */
function countDown(notice: Notice, error: ApiError): Promise<boolean> {
  return new Promise((resolve) => {
    notice.show(error.message, error.retryAt, () => resolve(true));
    const unsubscribe = notice.subscribe(() => {
      unsubscribe();
      resolve(false);
    });
  });
}
