import { expect, test } from 'vitest';

import type { AuditEntry } from '../../api/types';
import { actorName, detailsOf, startOfDay } from './audit-entry';

const ENTRY: AuditEntry = {
  number: 7,
  at: '2026-01-02T03:04:05.000Z',
  action: 'key_added',
  details: { key_id: 'k', scopes: ['read', 'chat'], expires_at: null },
  result: 'done',
  actor: { user_id: 'a', name: 'alice', via: 'session', address: '192.0.2.1', request_id: null },
  subject: { user_id: 'b', name: 'bob' },
  previous_hash: '0',
  hash: '1',
};

test('the details of an entry are named, and missing ones left out', () => {
  const details = Object.fromEntries(detailsOf(ENTRY));

  expect(details).toMatchObject({ Scopes: 'read, chat', Address: '192.0.2.1', Number: '7' });
  expect(Object.keys(details)).not.toContain('Request');
});

test('somebody without a name is the operator or nobody', () => {
  const actor = (via: 'command_line' | 'anonymous') =>
    actorName({ ...ENTRY, actor: { ...ENTRY.actor, name: null, via } });

  expect(actorName(ENTRY)).toBe('alice');
  expect(actor('command_line')).toBe('The operator');
  expect(actor('anonymous')).toBe('Nobody signed in');
});

test('the filter by day includes the whole last day', () => {
  const from = new Date(startOfDay('2026-03-01', 0));
  const until = new Date(startOfDay('2026-03-01', 1));

  expect([from.getDate(), from.getHours(), until.getDate()]).toEqual([1, 0, 2]);
  expect(startOfDay('', 1)).toBe('');
});
