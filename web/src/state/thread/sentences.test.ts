import { describe, expect, test } from 'vitest';

import { completeSentences, toSpeech } from './sentences';

describe('the spoken text', () => {
  test.each([
    ['One. Two', 'One.'],
    ['Is it 3.14? Yes', 'Is it 3.14?'],
    ['no end', ''],
    ['A line\nand', 'A line'],
    ['水。火', '水。'],
    ['“Stop!” he', '“Stop!”'],
    ['Look.\n```\ncode. x\n', 'Look.'],
    ['See:\n```js\nx. y\n```\nDone', 'See: Code.'],
  ])('of %j is %j', (markdown, text) => {
    expect(completeSentences(markdown, 0).text).toBe(text);
  });

  test('continues after the last complete sentence', () => {
    const { end } = completeSentences('One. Two', 0);

    expect(completeSentences('One. Two. Three', end).text).toBe('Two.');
  });

  test('contains no Markdown syntax', () => {
    expect(toSpeech('## The **sea**.\n- [a link](https://example.org), _and_ `snake_case`')).toBe(
      'The sea. a link, and snake_case',
    );
  });
});
