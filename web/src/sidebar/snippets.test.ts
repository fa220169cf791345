import { expect, test } from 'vitest';

import { plainSnippet } from './snippets';

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
])('the snippet %j is shown as %j', (parts, texts) => {
  expect(plainSnippet(parts)).toEqual(texts);
});
