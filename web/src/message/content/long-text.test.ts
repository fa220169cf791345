import { expect, test } from 'vitest';

import { mayBeLong } from './long-text';

test.each([
  ['short', 'a question', false],
  ['twelve lines', 'line\n'.repeat(11) + 'line', false],
  ['thirteen lines', 'line\n'.repeat(12) + 'line', true],
  ['a long paragraph', 'word '.repeat(100), true],
  ['empty', '', false],
])('a text that is %s', (_, text, isLong) => {
  expect(mayBeLong(text)).toBe(isLong);
});
