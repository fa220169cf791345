import { expect, test } from 'vitest';

import { formatJson, jsonTokens } from './json';

test('the pieces of JSON have their kinds, and nothing is lost', () => {
  const json = '{"a \\"b\\"": [1, -2.5e3, true, null], "c": "d: 3"}';

  const tokens = jsonTokens(json);

  expect(tokens.map(({ text }) => text).join('')).toBe(json);
  expect(tokens.filter(({ kind }) => kind !== null)).toEqual([
    { kind: 'key', text: '"a \\"b\\""' },
    { kind: 'number', text: '1' },
    { kind: 'number', text: '-2.5e3' },
    { kind: 'literal', text: 'true' },
    { kind: 'literal', text: 'null' },
    { kind: 'key', text: '"c"' },
    { kind: 'string', text: '"d: 3"' },
  ]);
});

test('JSON is indented, and other text stays as it is', () => {
  expect(formatJson('{"a":1}', 2)).toBe('{\n  "a": 1\n}');
  expect(formatJson('not JSON', 2)).toBe('not JSON');
});
