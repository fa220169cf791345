import { expect, test } from 'vitest';

import { keysText } from './keys';

test.each([
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)', '⌘⇧O'],
  ['Mozilla/5.0 (X11; Linux x86_64)', 'Ctrl+Shift+O'],
])('a shortcut has the names of the keyboard’s keys: %s', (userAgent, text) => {
  expect(keysText(['Ctrl', 'Shift', 'O'], userAgent)).toBe(text);
});
