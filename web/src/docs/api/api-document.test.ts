import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { type ApiDocument, groupByTag, supportsStreaming, type Operation } from './api-document';
import { buildRequest, curlCommand, type RequestValues } from './request';

const API_DOCUMENT = JSON.parse(readFileSync('../docs/openapi.json', 'utf8')) as ApiDocument;

const operations = groupByTag(API_DOCUMENT).flatMap((group) => group.operations);

function findOperation(id: string): Operation {
  const match = operations.find((operation) => operation.id === id);
  if (!match) throw new Error(`no operation ${id}`);
  return match;
}

function valuesOf(
  values: Record<string, string>,
  rest: Partial<Omit<RequestValues, 'valueOf'>> = {},
): RequestValues {
  const valueOf = ({ name }: { name: string }) => values[name] ?? '';
  return { valueOf, body: null, file: null, isStreaming: false, ...rest };
}

test('every operation of the document belongs to a group', () => {
  const all = Object.values(API_DOCUMENT.paths).flatMap((item) => Object.keys(item));

  expect(operations).toHaveLength(all.length);
});

test('names are in words and begin with a capital', () => {
  expect(findOperation('send_message').name).toBe('Send message');
  for (const { name } of groupByTag(API_DOCUMENT)) expect(name).toMatch(/^[A-Z]/);
});

test('every response has a description', () => {
  const responses = operations.flatMap((operation) => operation.responses);

  expect(responses.filter(({ description }) => description === '')).toEqual([]);
});

test('a request contains the completed fields and omits the empty ones', () => {
  const { path, init } = buildRequest(
    findOperation('send_message'),
    valuesOf({ id: 'a/b', 'Idempotency-Key': 'k1' }, { body: '{}' }),
  );
  const search = buildRequest(findOperation('search'), valuesOf({ q: 'spring tide' }));

  expect(path).toBe('api/v1/conversations/a%2Fb/messages');
  expect(init).toMatchObject({ method: 'POST', body: '{}' });
  expect([...(init.headers as Headers).values()].toSorted()).toEqual(['application/json', 'k1']);
  expect(search.path).toBe('api/v1/search?q=spring+tide');
  expect([...(search.init.headers as Headers).keys()]).toEqual([]);
});

test('a file is sent as a form', () => {
  const file = new File(['Waves'], 'sea.txt');

  const { init } = buildRequest(findOperation('upload_file'), valuesOf({ id: 'a' }, { file }));

  expect((init.body as FormData).get('file')).toEqual(file);
  expect([...(init.headers as Headers).keys()]).toEqual([]);
});

test('a body is prefilled with its example', () => {
  expect(JSON.parse(findOperation('send_message').body ?? '')).toEqual({
    message: 'Why two tides a day?',
  });
  expect(findOperation('search').body).toBeNull();
});

test('a command for curl sends the same request, with its values quoted for a shell', () => {
  const message = findOperation('send_message');
  const command = curlCommand(
    message,
    valuesOf(
      { 'Idempotency-Key': 'k1' },
      { body: '{\n  "message": "What\'s up?"\n}', isStreaming: true },
    ),
    'https://example.org/chat/',
  );

  expect(command.split(' \\\n  ')).toEqual([
    'curl --cookie cookies.txt --cookie-jar cookies.txt',
    '--request POST',
    '--no-buffer',
    `--header 'Idempotency-Key: k1'`,
    `--header 'Accept: text/event-stream'`,
    `--header 'Content-Type: application/json'`,
    String.raw`--data '{"message":"What'\''s up?"}'`,
    `'https://example.org/chat/api/v1/conversations/ID/messages'`,
  ]);
  expect(supportsStreaming(message)).toBe(true);
  expect(curlCommand(findOperation('upload_file'), valuesOf({ id: 'a' }), 'http://a/')).toContain(
    `--form 'file=@FILE'`,
  );
});
