import type { Conversation } from '../../api/types';

/** A conversation, for tests. */
export function conversation(id: string, more: Partial<Conversation> = {}): Conversation {
  return {
    conversation_id: id,
    title: id,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    message_count: 2,
    total_tokens: 10,
    archived: false,
    ...more,
  };
}
