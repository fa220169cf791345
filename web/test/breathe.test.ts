import { expect, test, vi } from 'vitest';

import { inTurn } from '../src/markdown/breathe';

test('what waits is done in pieces, the last first', async () => {
  const done: number[] = [];
  const work = (name: number) => () => {
    const end = performance.now() + 5;
    while (performance.now() < end);
    done.push(name);
  };
  [1, 2, 3, 4].forEach((name) => inTurn(work(name)));
  expect(done).toEqual([]);

  await new Promise((resolve) => setTimeout(resolve));
  expect(done.length, 'the page is heard in between').toBeLessThan(4);

  await vi.waitFor(() => expect(done).toEqual([4, 3, 2, 1]));
});
