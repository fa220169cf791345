import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { buildRequest, type ApiDocument, groupByTag, type Operation } from './api-document';

const API_DOCUMENT = JSON.parse(readFileSync('../docs/openapi.json', 'utf8')) as ApiDocument;

function findOperation(id: string): Operation {
  const all = groupByTag(API_DOCUMENT).flatMap((group) => group.operations);
  const match = all.find((operation) => operation.id === id);
  if (!match) throw new Error(`no operation ${id}`);
  return match;
}

test('every operation of the document belongs to a group', () => {
  const operations = Object.values(API_DOCUMENT.paths).flatMap((item) => Object.keys(item));

  expect(groupByTag(API_DOCUMENT).flatMap((group) => group.operations)).toHaveLength(
    operations.length,
  );
});

test('a request contains the completed fields and omits the empty ones', () => {
  const values: Record<string, string> = { id: 'a/b', 'Idempotency-Key': 'k1' };

  const { path, init } = buildRequest(
    findOperation('send_message'),
    ({ name }) => values[name] ?? '',
    '{}',
  );
  const { path: search, init: read } = buildRequest(
    findOperation('search'),
    ({ name }) => (name === 'q' ? 'spring tide' : ''),
    null,
  );

  expect(path).toBe('/api/v1/conversations/a%2Fb/messages');
  expect(init).toMatchObject({ method: 'POST', body: '{}' });
  expect([...(init.headers as Headers).values()].toSorted()).toEqual(['application/json', 'k1']);
  expect(search).toBe('/api/v1/search?q=spring+tide');
  expect([...(read.headers as Headers).keys()]).toEqual([]);
});

test('a body is prefilled with its example', () => {
  expect(JSON.parse(findOperation('send_message').body ?? '')).toEqual({
    message: 'Why two tides a day?',
  });
  expect(findOperation('search').body).toBeNull();
});
