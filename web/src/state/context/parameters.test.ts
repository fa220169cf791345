import { expect, test } from 'vitest';

import { areEqual, parseParameters, textsOf } from './parameters';

test('a blank field leaves its parameter to the server', () => {
  const texts = { temperature: '0', top_p: ' ', reasoning_effort: '' };

  expect(parseParameters(texts)).toEqual({ parameters: { temperature: 0 }, problems: {} });
});

test('a number may have a decimal comma', () => {
  expect(parseParameters({ temperature: '0,7' }).parameters).toEqual({ temperature: 0.7 });
});

test('a wrong number is named at its field, and is not sent', () => {
  const { parameters, problems } = parseParameters({
    temperature: '3',
    presence_penalty: '-2',
    frequency_penalty: 'high',
    seed: '1.5',
  });

  expect(parameters).toEqual({ presence_penalty: -2 });
  expect(problems).toEqual({
    temperature: 'Enter a number from 0 to 2.',
    frequency_penalty: 'Enter a number from -2 to 2.',
    seed: 'Enter a whole number.',
  });
});

test('saved parameters equal their own texts', () => {
  const texts = textsOf({ temperature: 0.5, reasoning_effort: 'low' });

  expect(texts).toEqual({ temperature: '0.5', reasoning_effort: 'low' });
  expect(areEqual(texts, { temperature: '0.5 ', reasoning_effort: 'low', seed: '' })).toBe(true);
  expect(areEqual(texts, { temperature: '0.5' })).toBe(false);
});
