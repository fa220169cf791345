import { expect, test } from 'vitest';

import { parseParameters } from './parameters';

test('an empty field leaves its parameter unset', () => {
  const form = new FormData();
  form.set('temperature', '0');
  form.set('top_p', ' ');
  form.set('reasoning_effort', '');

  expect(parseParameters(form)).toEqual({ temperature: 0 });
});
