import { expect, test } from 'vitest';

import { parseLength } from './answer-length';

test.each([
  ['', null],
  [' ', null],
  ['1', 1],
  ['800', 800],
  ['1,000', undefined],
  ['0', undefined],
  ['801', undefined],
  ['-5', undefined],
  ['many', undefined],
])('%j is the length %j, if the server allows 800 tokens', (text, length) => {
  expect(parseLength(text, 800)).toBe(length);
});

test('separators of thousands are ignored', () => {
  expect(parseLength('1,000', 4000)).toBe(1000);
  expect(parseLength('1 000', 4000)).toBe(1000);
});
