import { expect, test } from 'vitest';

import { MAX_SHOWN_CHARACTERS, readResponse, type ShownResponse } from './response';

async function read(response: Response): Promise<ShownResponse[]> {
  const updates: ShownResponse[] = [];
  await readResponse(response, (shown) => updates.push(shown));
  return updates;
}

test('JSON is indented', async () => {
  const response = new Response('{"a":1}', { headers: { 'content-type': 'application/json' } });

  const last = (await read(response)).at(-1);

  expect(last).toMatchObject({ status: 200, body: '{\n  "a": 1\n}', isComplete: true });
});

test('an event stream is shown as it arrives', async () => {
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    start(controller) {
      for (const text of ['event: one\n\n', 'event: two\n\n'])
        controller.enqueue(encoder.encode(text));
      controller.close();
    },
  });
  const response = new Response(body, { headers: { 'content-type': 'text/event-stream' } });

  const updates = (await read(response)).map((update) => update.body);

  expect(updates).toContain('event: one\n\n');
  expect(updates.at(-1)).toBe('event: one\n\nevent: two\n\n');
});

test('a long response is cut off', async () => {
  const last = (await read(new Response('a'.repeat(MAX_SHOWN_CHARACTERS + 1)))).at(-1);

  expect(last).toMatchObject({ isTruncated: true, isComplete: true });
  expect(last?.body).toHaveLength(MAX_SHOWN_CHARACTERS);
});
