import { describe, expect, test } from 'vitest';

import { formatSize, jsonBytes } from './sizes';

describe('the size', () => {
  test.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1500, '1.5 KB'],
    [999_949, '999.9 KB'],
    [999_950, '1 MB'],
    [999_999, '1 MB'],
    [5_000_000, '5 MB'],
    [999_999_999, '1 GB'],
    [1_000_000_000_000, '1,000 GB'],
  ])('of %d bytes is “%s”', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  test('of a text as JSON includes quotes and escapes', () => {
    expect(jsonBytes('ä"\n')).toBe(8);
  });
});
