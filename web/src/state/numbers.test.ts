import { expect, test } from 'vitest';

import { formatCount } from './numbers';

test.each([
  [0, '0 tokens'],
  [1, '1 token'],
  [1200, '1,200 tokens'],
])('%d is formatted as “%s”', (count, text) => {
  expect(formatCount(count, 'token')).toBe(text);
});
