import { expect, test } from 'vitest';

import { backgroundDone, inBackground } from './background';

test('waits for rendering that starts other rendering, and for failing rendering', async () => {
  const done: string[] = [];
  const later = async (name: string) => {
    await new Promise((resolve) => setTimeout(resolve));
    done.push(name);
  };
  inBackground(later('first').then(() => inBackground(later('second'))));
  inBackground(Promise.reject(new Error('broken')));

  await backgroundDone();

  expect(done).toEqual(['first', 'second']);
});
