import { describe, expect, test } from 'vitest';

import { trueHost } from '../markdown/links';
import { endingOf } from './thread/status-notes';
import { speakable, unmarked, wholeSentences } from './thread/sentences';
import { messageBytes, sizeInWords } from './composer/sizes';
import { shown } from './thread/thread-message';
import { message } from './thread/testing';

describe('an answer, as it is heard', () => {
  test.each([
    ['One. Two', 'One.'],
    ['Is it 3.14? Yes', 'Is it 3.14?'],
    ['no end', ''],
    ['A line\nand', 'A line'],
    ['水。火', '水。'],
    ['“Stop!” he', '“Stop!”'],
    ['Look.\n```\ncode. x\n', 'Look.'],
    ['See:\n```js\nx. y\n```\nDone', 'See: Code.'],
  ])('%j is said as %j', (text, words) => {
    expect(wholeSentences(text, 0).words).toBe(words);
  });

  test('goes on where it was', () => {
    const { end } = wholeSentences('One. Two', 0);

    expect(wholeSentences('One. Two. Three', end).words).toBe('Two.');
  });

  test('is said without markdown’s marks', () => {
    expect(speakable('## The **sea**.\n- [a link](https://example.org), _and_ `snake_case`')).toBe(
      'The sea. a link, and snake_case',
    );
  });
});

test.each([
  ['The **near** side, `h(t)`', 'The near side, h(t)'],
  [' is 2 * 3, a_b', ' is 2 * 3, a_b'],
  ['## Tides\n| Name | Body |\n|:---|---:|\n| M2 |', 'Tides Name Body M2 '],
  ['```python\nfrom math', 'python from math'],
])('a piece of %j is found as %j', (piece, read) => {
  expect(unmarked(piece)).toBe(read);
});

describe('a link', () => {
  test.each([
    ['https://evil.example/', 'https://bank.example', 'evil.example'],
    ['https://evil.example/', 'bank.example/login', 'evil.example'],
    ['https://evil.example/', 'www.bank.example', 'evil.example'],
    ['https://bank.example@evil.example/', 'https://bank.example@evil.example/', 'evil.example'],
    ['https://bank.example@evil.example/', 'the bank', 'evil.example'],
    ['https://xn--bnk-7na.example/', 'https://bänk.example', 'xn--bnk-7na.example'],
    ['https://evil.example/', 'bank.example\u200b', 'evil.example'],
    ['https://bank.example:8443/', 'https://bank.example', 'bank.example:8443'],
  ])('to %s that reads %j shows %s', (href, text, host) => {
    expect(trueHost(href, text)).toBe(host);
  });

  test.each([
    ['https://example.org/a?b=c', 'https://example.org/a?b=c'],
    ['https://example.org/', 'example.org'],
    ['http://www.example.org/', 'www.example.org'],
    ['https://example.org/', 'the sea'],
    ['https://example.org/', 'Version 2.0 of it'],
    ['mailto:someone@example.org', 'someone@example.org'],
  ])('to %s that reads %j is honest', (href, text) => {
    expect(trueHost(href, text)).toBeNull();
  });
});

function answer(status: 'failed' | 'stopped', content: string, code?: string) {
  return endingOf({
    ...shown(message(2, { status, content })),
    problem: code === undefined ? null : { message: 'Why.', code, retryAt: null },
  });
}

describe('what is said under a message', () => {
  test('offers to go on where there is something, and to try again where there is nothing', () => {
    expect(answer('stopped', 'Half')?.remedies).toEqual(['continue']);
    expect(answer('stopped', '')?.remedies).toEqual(['regenerate']);
    expect(answer('failed', '', 'model_unreachable')).toMatchObject({
      isBad: true,
      text: 'Why.',
      remedies: ['regenerate'],
    });
  });

  test('says what helps', () => {
    expect(answer('failed', '', 'model_content_filter')).toMatchObject({
      hint: 'Put the question in other words.',
      remedies: ['edit'],
    });
    expect(answer('failed', '', 'model_key_refused')?.hint).toContain('runs this server');
  });

  test('is nothing where all is well', () => {
    expect(endingOf(shown(message(2)))).toBeNull();
  });
});

describe('a size', () => {
  test.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1500, '1.5 KB'],
    [5_000_000, '5 MB'],
  ])('%d is %s', (bytes, words) => {
    expect(sizeInWords(bytes)).toBe(words);
  });

  test('of a message is what it takes on the wire', () => {
    expect(messageBytes('ä"\n')).toBe(8);
  });
});
