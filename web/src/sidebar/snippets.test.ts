import { expect, test } from 'vitest';

import { isFileQuestion, plainSnippet } from './snippets';

test.each([
  [
    ['Learn ', 'C', '# and F#'],
    ['Learn ', 'C', '# and F#'],
  ],
  [
    ['if a || b then ', '2', ' ** 8 or 2**8 and 3**2'],
    ['if a || b then ', '2', ' ** 8 or 2**8 and 3**2'],
  ],
  [
    ['type `# heading` and `**', 'bold', '**`'],
    ['type # heading and **', 'bold', '**'],
  ],
  [['# heading'], ['# heading']],
  [
    ['The **', 'near', '** side, `h(t)`'],
    ['The ', 'near', ' side, h(t)'],
  ],
  [[' is 2 * 3, a_b'], [' is 2 * 3, a_b']],
  [['## Tides\n| Name | Body |\n|:---|---:|\n| M2 |'], ['Tides Name Body M2 ']],
  [
    ['```python\nfrom ', 'math'],
    ['python from ', 'math'],
  ],
  [
    ['a `b` c `d` ', 'e'],
    ['a b c d ', 'e'],
  ],
  [
    ['Please analyse the file "the ', 'sea', '.txt".\n\nWhich waves?'],
    ['the ', 'sea', '.txt Which waves?'],
  ],
])('the snippet %j is shown as %j', (parts, texts) => {
  expect(plainSnippet(parts)).toEqual(texts);
});

test.each([
  ['Please analyse the file "sea.txt".', true, 'sea.txt'],
  [
    '…the file "about the sea and its waves.txt".\n\nWhich?',
    true,
    'about the sea and its waves.txt Which?',
  ],
  ['…about the sea and its waves.txt".', true, '…about the sea and its waves.txt'],
  ['I have read "waves.txt".', false, 'I have read "waves.txt".'],
  ['…which I have read: "waves.txt".', false, '…which I have read: "waves.txt".'],
])('the snippet %j is of a question about a file: %s', (snippet, isOfFile, text) => {
  expect(isFileQuestion(snippet)).toBe(isOfFile);
  expect(plainSnippet([snippet])).toEqual([text]);
});
