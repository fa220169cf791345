import { expect, test, vi } from 'vitest';

import { inTurn } from './scheduler';

test('what waits is done in pieces, the last first', async () => {
  const done: number[] = [];
  const work = (name: number) => () => {
    const end = performance.now() + 5;
    while (performance.now() < end);
    done.push(name);
  };
  [1, 2, 3, 4].forEach((name) => void inTurn(work(name)));
  expect(done).toEqual([]);

  await new Promise((resolve) => setTimeout(resolve));
  expect(done.length, 'the page is heard in between').toBeLessThan(4);

  await vi.waitFor(() => expect(done).toEqual([4, 3, 2, 1]));
});

test('work that fails keeps nothing else from its turn', async () => {
  const done: string[] = [];

  const before = inTurn(() => void done.push('before'));
  const failing = inTurn(() => {
    throw new Error('broken');
  });

  await expect(failing).rejects.toThrow('broken');
  await before;
  expect(done).toEqual(['before']);
});
