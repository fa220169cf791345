import { expect, test } from 'vitest';

import { formatDay, formatFullTime, formatMonth, formatTime } from './dates';

const NOW = new Date(2026, 2, 5, 18, 0);

test('a message of today shows its time, an older one also its date', () => {
  const early = new Date(2026, 2, 5, 9, 5);
  expect(formatTime(early, NOW, 'en-US')).toMatch(/^9:05\sAM$/);
  expect(formatTime(early, NOW, 'de')).toBe('09:05');
  const lastMonth = new Date(2026, 1, 3, 21, 7);
  expect(formatTime(lastMonth, NOW, 'de')).toBe('3. Feb., 21:07');
  expect(formatTime(new Date(2025, 1, 3, 21, 7), NOW, 'en-GB')).toBe('3 Feb 2025, 21:07');
});

test('dates follow the reader’s language', () => {
  expect(formatDay(NOW, NOW, 'fr')).toBe('jeudi 5 mars');
  expect(formatDay(NOW, new Date(2027, 0, 1), 'en-GB')).toMatch(/^Thursday,? 5 March 2026$/);
  expect(formatMonth(NOW, 'es')).toBe('marzo de 2026');
  expect(formatFullTime(NOW, 'en-GB')).toMatch(/^Thursday,? 5 March 2026 at 18:00:00$/);
});
