import type { ConversationEvent, Message, MessageAccepted, MessagePage } from '../../api/types';

// Events and pages of the conversation `c`, for tests.

export function messageAccepted(changes: Partial<MessageAccepted> = {}) {
  const data = {
    conversation_id: 'c',
    seq: 1,
    message_id: 'm1',
    position: 1,
    turn_id: 't1',
    client_message_id: 'name1',
    answer_id: 'm2',
    content: 'why?',
    token_count: 2,
    created_at: '2026-01-02T03:04:05Z',
    ...changes,
  };
  return { event: 'message_accepted', data } satisfies ConversationEvent;
}

export function responseChunk(text: string, turn_id = 't1'): ConversationEvent {
  return { event: 'response_chunk', data: { conversation_id: 'c', seq: 2, chunk: text, turn_id } };
}

export function reasoningChunk(text: string, duration_ms = 1000): ConversationEvent {
  const data = { conversation_id: 'c', seq: 2, chunk: text, duration_ms, turn_id: 't1' };
  return { event: 'reasoning_chunk', data };
}

export function responseEnd(message_id = 'm2', turn_id = 't1'): ConversationEvent {
  return {
    event: 'response_end',
    data: {
      conversation_id: 'c',
      seq: 9,
      message_id,
      turn_id,
      position: 2,
      finish_reason: 'stop',
      status: 'complete',
      token_count: 3,
      created_at: '2026-01-02T03:04:06Z',
      ended_at: '2026-01-02T03:04:09Z',
    },
  };
}

export function conversationUpdated(change: 'branch' | 'reset'): ConversationEvent {
  return { event: 'conversation_updated', data: { conversation_id: 'c', seq: 1, change } };
}

/** Creates message `m1`, `m2`, … of a conversation without branches. Answers have even positions. */
export function message(position: number, changes: Partial<Message> = {}): Message {
  return {
    message_id: `m${position}`,
    conversation_id: 'c',
    position,
    parent_id: position === 1 ? null : `m${position - 1}`,
    turn_id: null,
    role: position % 2 === 1 ? 'user' : 'assistant',
    content: `message ${position}`,
    token_count: 2,
    status: 'complete',
    created_at: '2026-01-02T03:04:05Z',
    versions: [`m${position}`],
    ...changes,
  };
}

export function page(messages: Message[], changes: Partial<MessagePage> = {}): MessagePage {
  return { messages, next_before: null, event_seq: 0, running_turn: null, ...changes };
}

/** Fetches pages of a conversation with `count` messages and no branches, as the server does. */
export function pagesOf(count: number): (before: number | null) => Promise<MessagePage> {
  return (before) => {
    const end = Math.min(count, (before ?? count + 1) - 1);
    const start = Math.max(1, end - 49);
    const positions = Array.from({ length: end - start + 1 }, (_, index) => start + index);
    const next_before = start > 1 ? start : null;
    return Promise.resolve(
      page(
        positions.map((position) => message(position)),
        { next_before },
      ),
    );
  };
}
