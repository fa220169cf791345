import { expect, test, vi } from 'vitest';

import { enqueue, runQueued } from './scheduler';

test('queued work runs in slices, last in first out', async () => {
  const done: number[] = [];
  const work = (id: number) => () => {
    const end = performance.now() + 5;
    while (performance.now() < end);
    done.push(id);
  };
  [1, 2, 3, 4].forEach((id) => void enqueue(work(id)));
  expect(done).toEqual([]);

  await new Promise((resolve) => setTimeout(resolve));
  expect(done.length, 'all work ran without yielding to the browser').toBeLessThan(4);

  await vi.waitFor(() => expect(done).toEqual([4, 3, 2, 1]));
});

test('a failure does not affect other work', async () => {
  const done: string[] = [];

  const before = enqueue(() => void done.push('before'));
  const failing = enqueue(() => {
    throw new Error('broken');
  });

  await expect(failing).rejects.toThrow('broken');
  await before;
  expect(done).toEqual(['before']);
});

test('queued work can run at once', () => {
  const done: number[] = [];
  [1, 2, 3].forEach((id) => void enqueue(() => void done.push(id)));

  expect(runQueued()).toBe(true);

  expect(done).toEqual([3, 2, 1]);
  expect(runQueued()).toBe(false);
});
