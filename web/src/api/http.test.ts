import { afterEach, describe, expect, test, vi } from 'vitest';

import { call, errorMessage } from './http';

/** Sends a request that gets this response, or fails without a response. Returns its error. */
async function errorOf(response: Response | Error): Promise<unknown> {
  vi.stubGlobal('fetch', () =>
    response instanceof Error ? Promise.reject(response) : Promise.resolve(response),
  );
  return call('GET', '/config').catch((error: unknown) => error);
}

const UNREACHABLE = 'The server can’t be reached. Please try again in a moment.';

describe('a failed request', () => {
  afterEach(() => vi.unstubAllGlobals());

  test('has the message, the code and the retry time of the server', async () => {
    const body = JSON.stringify({ message: 'Too fast.', code: 'rate_limited' });
    const error = await errorOf(
      new Response(body, { status: 429, headers: { 'Retry-After': '3' } }),
    );

    expect(error).toMatchObject({ message: 'Too fast.', code: 'rate_limited', isTransient: true });
    expect(error).toHaveProperty('retryAt', expect.any(Number));
  });

  test('says that the server can’t be reached only if it can’t', async () => {
    expect(errorMessage(await errorOf(new TypeError('Failed to fetch')))).toBe(UNREACHABLE);
    const interrupted = new ReadableStream({
      pull: (controller) => controller.error(new TypeError('network error')),
    });
    expect(errorMessage(await errorOf(new Response(interrupted)))).toBe(UNREACHABLE);
  });

  test.each([
    [new Response('<html>', { status: 502 }), 'The server responded with status 502.', true],
    [new Response('{"error": 1}', { status: 403 }), 'The server responded with status 403.', false],
    [new Response('null', { status: 404 }), 'The server responded with status 404.', false],
    [new Response('<html>'), 'The server sent an invalid response.', true],
  ])(
    'is described without the internals of the browser (%#)',
    async (response, text, isTransient) => {
      const error = await errorOf(response);

      expect(errorMessage(error)).toBe(text);
      expect(error).toHaveProperty('isTransient', isTransient);
    },
  );
});
