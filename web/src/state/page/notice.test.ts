import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Notice } from './notice';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a notice disappears when it expires, and the page tries again', () => {
  const retry = vi.fn();
  const notice = new Notice(null);

  notice.show('Too many requests.', Date.now() + 5000, retry);
  vi.advanceTimersByTime(4999);
  expect(notice).toMatchObject({ value: 'Too many requests.', willRetry: true });
  expect(retry).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);

  expect(notice.value).toBeNull();
  expect(retry).toHaveBeenCalledOnce();
});

test('the same notice with a later expiry is reported', () => {
  const notice = new Notice(null);
  notice.show('Too many requests.', Date.now() + 5000);
  const seen: unknown[] = [];
  notice.subscribe(() => seen.push(notice.value && notice.expiresAt));

  notice.show('Too many requests.', Date.now() + 9000);

  expect(seen.at(-1)).toBe(Date.now() + 9000);
});

test('dismissing a notice cancels what the page would have tried again', () => {
  const retry = vi.fn();
  const notice = new Notice(null);
  notice.show('Too many requests.', Date.now() + 5000, retry);

  notice.set(null);
  vi.advanceTimersByTime(10_000);

  expect(retry).not.toHaveBeenCalled();
});
