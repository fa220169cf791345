import { describe, expect, test } from 'vitest';

import type { Conversation } from '../../api/types';
import { Conversations, groupByDay } from './conversations';

function at(...day: [number, number, number, number?]): string {
  return new Date(...day).toISOString();
}

function conversation(id: string, updated_at: string): Conversation {
  return {
    conversation_id: id,
    title: id,
    created_at: updated_at,
    updated_at,
    message_count: 2,
    total_tokens: 10,
    archived: false,
  };
}

describe('the list of conversations', () => {
  test('has the one that changed last on top', () => {
    const list = new Conversations({} as never);
    list.put(conversation('one', '2026-01-01T00:00:00Z'));
    list.put(conversation('two', '2026-01-02T00:00:00Z'));
    list.change('one', { updated_at: '2026-01-03T00:00:00Z' });

    expect(list.state.value.items.map((item) => item.conversation_id)).toEqual(['one', 'two']);
  });

  test('is grouped by the reader’s days', () => {
    const now = new Date(2026, 2, 10, 0, 30);
    const groups = groupByDay(
      [
        conversation('a', at(2026, 2, 10, 0)),
        conversation('b', at(2026, 2, 9, 23)),
        conversation('c', at(2026, 2, 5)),
        conversation('d', at(2026, 1, 5)),
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
