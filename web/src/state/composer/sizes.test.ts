import { describe, expect, test } from 'vitest';

import { formatSize, messageBytes } from './sizes';

describe('the size', () => {
  test.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1500, '1.5 KB'],
    [5_000_000, '5 MB'],
  ])('of %d bytes is “%s”', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  test('of a message is that of its JSON', () => {
    expect(messageBytes('ä"\n')).toBe(8);
  });
});
