import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { type ApiDocument, groupByTag } from './api-document';
import { filterGroups } from './filter';

const groups = groupByTag(JSON.parse(readFileSync('../docs/openapi.json', 'utf8')) as ApiDocument);
const ids = (filter: string) =>
  filterGroups(groups, filter).flatMap(({ operations }) => operations.map(({ id }) => id));

test('the filter finds operations by method, path and words', () => {
  expect(ids('delete SUMMARY')).toEqual(['remove_summary']);
  expect(ids('/api/v1/search')).toEqual(['search']);
  expect(ids('no such words')).toEqual([]);
  expect(filterGroups(groups, '')).toHaveLength(groups.length);
});
