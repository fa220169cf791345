import { describe, expect, test } from 'vitest';

import { ConversationList, groupByDate } from './conversation-list';
import { conversation as fixture } from './testing';

const page = (ids: string[], next_cursor: string | null) => ({
  conversations: ids.map((id) => ({ conversation_id: id, updated_at: '2026' })) as never,
  next_cursor,
});

function isoDate(...date: [number, number, number, number?]): string {
  return new Date(...date).toISOString();
}

const conversation = (id: string, updated_at: string) =>
  fixture(id, { created_at: updated_at, updated_at });

describe('a conversation list', () => {
  test('is sorted by the last update', () => {
    const list = new ConversationList({} as never);
    list.upsert(conversation('one', '2026-01-01T00:00:00Z'));
    list.upsert(conversation('two', '2026-01-02T00:00:00Z'));
    list.upsert(conversation('one', '2026-01-03T00:00:00Z'));

    expect(list.state.value.items.map((item) => item.conversation_id)).toEqual(['one', 'two']);
  });

  test('leaves out a conversation that has become empty', () => {
    const list = new ConversationList({} as never);
    list.upsert(fixture('one', { title: 'sea.txt', message_count: 0 }));
    expect(list.state.value.items).toHaveLength(1);
    list.upsert(fixture('one', { title: null, message_count: 0 }));

    expect(list.state.value.items).toEqual([]);
  });

  test('is grouped by date in local time', () => {
    const now = new Date(2026, 2, 10, 0, 30);
    const groups = groupByDate(
      [
        conversation('a', isoDate(2026, 2, 10, 0)),
        conversation('b', isoDate(2026, 2, 9, 23)),
        conversation('c', isoDate(2026, 2, 5)),
        conversation('d', isoDate(2026, 1, 5)),
      ],
      now,
    );

    expect(groups.map(({ label }) => label)).toEqual([
      'Today',
      'Yesterday',
      'Last 7 days',
      'February 2026',
    ]);
  });
});

test('a conversation list has as many items after a reload as before', async () => {
  const list = new ConversationList((cursor) =>
    Promise.resolve(cursor === null ? page(['a', 'b'], 'next') : page(['c'], null)),
  );
  await list.load();
  await list.loadMore();
  await list.load();

  expect(list.state.value.items.map((item) => item.conversation_id)).toEqual(['a', 'b', 'c']);
  expect(list.neighbour('b', 1)?.conversation_id).toBe('c');
  expect(list.neighbour('c', 1)).toBeUndefined();
});
