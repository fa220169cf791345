import { expect, test } from 'vitest';

import { fileNameOf } from './file-names';

test.each([
  ['python', 'code.py'],
  ['TypeScript', 'code.ts'],
  ['c++', 'code.cpp'],
  ['sql', 'code.sql'],
  ['Dockerfile', 'Dockerfile'],
  ['', 'code.txt'],
  ['../../etc', 'code.txt'],
  ['constructor', 'code.txt'],
  ['exe"', 'code.txt'],
])('code in the language %j is saved as %s', (language, name) => {
  expect(fileNameOf(language)).toBe(name);
});
