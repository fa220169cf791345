import { afterEach, expect, test, vi } from 'vitest';

import { findConnectionProblem } from './connection-problem';

afterEach(() => vi.unstubAllGlobals());

const opened = () => new Response('0{"sid":"s1"}');
const refused = (status: number, code: unknown) =>
  new Response(JSON.stringify({ code, message: 'No.' }), { status });

test.each([
  ['too-many-connections', [refused(429, 'connection_limit')]],
  ['server-full', [refused(503, 'too_many_connections')]],
  ['origin-not-allowed', [opened(), refused(403, 4)]],
  ['websocket-blocked', [opened(), new Response('ok')]],
  // A proxy responds while its server is unreachable.
  [null, [new Response('<h1>Bad gateway</h1>', { status: 502 })]],
])('the reason of a refused connection: %s', async (problem, responses) => {
  const fetch = vi.fn(() => Promise.resolve(responses.shift()));
  vi.stubGlobal('fetch', fetch);

  expect(await findConnectionProblem()).toBe(problem);
  expect(responses).toEqual([]);
});

test('an unreachable server gives no reason', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));

  expect(await findConnectionProblem()).toBeNull();
});
