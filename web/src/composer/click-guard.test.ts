import { expect, test } from 'vitest';

import { ClickGuard } from './click-guard';

test.each([
  ['a click', 60, 1, false],
  ['a click', 120, 2, false],
  ['a click', 200, 1, false],
  ['a click', 600, 1, true],
  ['a key', 60, 0, true],
])('%s %i ms after the action of the button has changed', (_kind, gap, detail, isAccepted) => {
  let now = 0;
  const guard = new ClickGuard(() => now);
  guard.show('Send', true);
  expect(guard.accepts({ detail: 1 })).toBe(true);
  guard.show('Stop', true);

  now = gap;
  guard.show('Stop', true);

  expect(guard.accepts({ detail })).toBe(isAccepted);
});

test('a click of a pointer that came after the change counts', () => {
  const guard = new ClickGuard(() => 0);
  guard.show('Stop', false);
  guard.show('Send', false);

  expect(guard.accepts({ detail: 1 })).toBe(true);
});
