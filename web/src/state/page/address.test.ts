import { expect, test } from 'vitest';

import { parsePath, pathInApp, pathOf } from './address';

test('a path names a conversation and optionally a message', () => {
  const id = '0190f5a0-0000-7000-8000-000000000000';

  expect(parsePath(`c/${id}`)).toEqual({ id, position: null });
  expect(parsePath(`c/${id}#m12`)).toEqual({ id, position: 12 });
  // The server rejects an unknown id.
  expect(parsePath('c/none')).toEqual({ id: 'none', position: null });
  expect(parsePath('')).toBeNull();
});

test.each(['https://host.example/', 'https://host.example/chat/'])(
  'paths are relative to %s',
  (base) => {
    const address = new URL(pathOf('1', 12), base).href;

    expect(pathInApp(address, base)).toBe('c/1#m12');
    expect(pathInApp(base, base)).toBe('');
  },
);
