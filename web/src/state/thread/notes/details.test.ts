import { expect, test } from 'vitest';

import { detailsOf } from './details';
import { message } from '../testing';
import { toThreadMessage } from '../thread-message';

const answer = toThreadMessage(message(2, { token_count: 1200 }));

test('an answer shows its model, its tokens and how long it took', () => {
  const endedAt = '2026-01-02T03:04:08.250Z';
  expect(detailsOf({ ...answer, endedAt }, 'gpt-4o')).toEqual(['gpt-4o', '1,200 tokens', '3.3 s']);
});

test('unknown details are omitted, and questions have none', () => {
  expect(detailsOf({ ...answer, tokenCount: null }, null)).toEqual([]);
  expect(detailsOf(toThreadMessage(message(1)), 'gpt-4o')).toEqual([]);
});
