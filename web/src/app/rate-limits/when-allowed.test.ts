import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ApiError } from '../../api/http';
import { Notice } from '../../state/page/notice';
import { whenAllowed } from './when-allowed';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const rateLimited = (waitMs: number) =>
  new ApiError('Too many requests.', 'rate_limited', Date.now() + waitMs, 429);

test('a call that comes too early is repeated after the countdown', async () => {
  const call = vi.fn().mockRejectedValueOnce(rateLimited(3000)).mockResolvedValueOnce('done');
  const notice = new Notice(null);

  const result = whenAllowed(notice, call);
  await vi.advanceTimersByTimeAsync(2999);
  expect(notice).toMatchObject({ value: 'Too many requests.', willRetry: true });
  await vi.advanceTimersByTimeAsync(1);

  expect(await result).toBe('done');
  expect(notice.value).toBeNull();
});

test('the user can cancel the countdown', async () => {
  const call = vi.fn().mockRejectedValue(rateLimited(3000));
  const notice = new Notice(null);
  const result = whenAllowed(notice, call);
  await vi.advanceTimersByTimeAsync(1);

  notice.set(null);

  expect(await result).toBeNull();
  expect(call).toHaveBeenCalledOnce();
});

test('other errors, and long waits, are reported', async () => {
  const failed = new ApiError('The store is full.', 'storage_unavailable', Date.now() + 5000, 503);
  for (const error of [failed, rateLimited(3_600_000)]) {
    await expect(whenAllowed(new Notice(null), () => Promise.reject(error))).rejects.toBe(error);
  }
});
