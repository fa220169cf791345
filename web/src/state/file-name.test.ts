import { expect, test } from 'vitest';

import { downloadName } from './file-name';

const DATE = new Date(2026, 0, 2);

test.each([
  ['How tides work', 'How tides work'],
  ['a/b\\c: "d" <e>|?*', 'a b c d e'],
  ['../../etc/passwd', 'etc passwd'],
  ['invoice\u202efdp.exe', 'invoice fdp.exe'],
  ['line\nbreak\u0000', 'line break'],
  ['.hidden', 'hidden'],
  ['the end…', 'the end…'],
  ['trailing dots...', 'trailing dots'],
  ['con', 'Chat'],
  ['///', 'Chat'],
  ['上海的天气', '上海的天气'],
  ['long '.repeat(50), 'long '.repeat(16).trim()],
  // A file name may have 255 bytes, and each family has 25.
  ['👩‍👩‍👧‍👦'.repeat(90), '👩‍👩‍👧‍👦'.repeat(8)],
])('the title “%s” gives a safe file name', (title, name) => {
  expect(downloadName(title, DATE, 'md')).toBe(`${name} 2026-01-02.md`);
});
