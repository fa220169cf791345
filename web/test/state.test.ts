import { describe, expect, test } from 'vitest';

import type { Conversation, ConversationEvent, Message, MessagePage } from '../src/protocol';
import { Conversations, groupByDay } from '../src/state/conversations';
import { Thread } from '../src/state/thread';

const accepted: ConversationEvent = {
  event: 'message_accepted',
  data: {
    conversation_id: 'c',
    seq: 1,
    message_id: 'q1',
    position: 1,
    turn_id: 't1',
    client_message_id: 'm1',
    answer_id: 'a1',
    content: 'why?',
    token_count: 2,
    created_at: '2026-01-02T03:04:05Z',
  },
};

function chunk(text: string, turn_id = 't1'): ConversationEvent {
  return { event: 'response_chunk', data: { conversation_id: 'c', seq: 2, chunk: text, turn_id } };
}

const ended: ConversationEvent = {
  event: 'response_end',
  data: {
    conversation_id: 'c',
    seq: 9,
    message_id: 'a1',
    turn_id: 't1',
    position: 2,
    finish_reason: 'stop',
    status: 'complete',
    token_count: 3,
  },
};

function message(position: number): Message {
  return {
    message_id: `q${position}`,
    conversation_id: 'c',
    position,
    parent_id: null,
    turn_id: null,
    role: 'user',
    content: `message ${position}`,
    token_count: 2,
    status: 'complete',
    created_at: '2026-01-02T03:04:05Z',
  };
}

function page(messages: Message[], next_before: number | null = null): MessagePage {
  return { messages, next_before, event_seq: 0, running_turn: null };
}

function contents(thread: Thread): string[] {
  return thread.state.value.messages.map(({ content }) => content);
}

describe('a thread', () => {
  test('shows a message at once, and its answer as it comes', () => {
    const thread = new Thread('c', 'ready');
    thread.sending('m1', 'why?');
    expect(thread.state.value.messages).toMatchObject([{ status: 'sending', content: 'why?' }]);

    for (const event of [accepted, chunk('Be'), chunk('cause'), ended]) thread.apply(event);

    expect(thread.state.value).toMatchObject({
      runningTurn: null,
      messages: [
        { id: 'q1', status: 'complete', content: 'why?' },
        { id: 'a1', status: 'complete', content: 'Because' },
      ],
    });
  });

  test('builds an answer anew when its turn is replayed', () => {
    const thread = new Thread('c', 'ready');
    for (const event of [accepted, chunk('Be'), accepted, chunk('Be'), chunk('cause')]) {
      thread.apply(event);
    }

    expect(contents(thread)).toEqual(['why?', 'Because']);
  });

  test('keeps an answer that is whole, whatever comes late', () => {
    const thread = new Thread('c', 'ready');
    for (const event of [accepted, chunk('Because'), ended, chunk('?'), chunk('x', 'other')]) {
      thread.apply(event);
    }

    expect(contents(thread)).toEqual(['why?', 'Because']);
  });

  test('says why a turn failed, and keeps what came', () => {
    const thread = new Thread('c', 'ready');
    thread.apply(accepted);
    thread.apply(chunk('Be'));
    thread.apply({
      event: 'error',
      data: { conversation_id: 'c', message: 'The model failed.', code: 'x', turn_id: 't1' },
    });

    expect(thread.state.value.messages.at(-1)).toMatchObject({
      content: 'Be',
      problem: { message: 'The model failed.' },
    });
  });

  test('puts older messages before, each once', async () => {
    const older = page([message(1), message(2), message(3)]);
    const thread = new Thread('c', 'loading', () => Promise.resolve(older));
    thread.load(page([message(3), message(4)], 3));
    await thread.readOlder();

    expect(thread.state.value.messages.map(({ position }) => position)).toEqual([1, 2, 3, 4]);
  });

  test('keeps what is not stored yet when it is read again', () => {
    const thread = new Thread('c', 'ready');
    thread.sending('m1', 'on its way');
    thread.load(page([message(1)]));

    expect(contents(thread)).toEqual(['message 1', 'on its way']);
  });

  test('keeps a refused message, to be sent again', () => {
    const thread = new Thread('c', 'ready');
    thread.sending('m1', 'too long');
    thread.refused('m1', { message: 'Please shorten it.', code: 'x', retryAt: null });

    expect(thread.state.value.messages).toMatchObject([
      { content: 'too long', status: 'unsent', problem: { message: 'Please shorten it.' } },
    ]);
  });
});

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
