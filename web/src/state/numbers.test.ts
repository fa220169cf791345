import { afterEach, expect, test, vi } from 'vitest';

import { formatSize } from './composer/sizes';
import { formatDate, formatMonth } from './dates';
import { formatCount, formatNumber } from './numbers';

afterEach(() => vi.unstubAllGlobals());

test.each([
  [0, '0 tokens'],
  [1, '1 token'],
  [1200, '1,200 tokens'],
])('%d is formatted as “%s”', (count, text) => {
  expect(formatCount(count, 'token')).toBe(text);
});

test('numbers, sizes and dates are formatted in the language that the reader prefers', () => {
  vi.stubGlobal('navigator', { language: 'de-DE' });
  const date = new Date(2026, 2, 5);

  expect(formatNumber(1200)).toBe('1.200');
  expect(formatSize(1_500_000)).toBe('1,5 MB');
  expect(formatDate(date)).toBe('05.03.2026');
  expect(formatMonth(date)).toBe('März 2026');
});
