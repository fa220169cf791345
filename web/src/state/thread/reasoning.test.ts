import { expect, test } from 'vitest';

import {
  message,
  messageAccepted,
  page,
  reasoningChunk,
  responseChunk,
  responseEnd,
} from './testing';
import { Thread } from './thread';

function threadAfter(...events: Parameters<Thread['apply']>[0][]): Thread {
  const thread = new Thread('c', 'ready');
  for (const event of events) thread.apply(event);
  return thread;
}

test('reasoning is kept apart from the text, with its duration', () => {
  const thread = threadAfter(
    messageAccepted(),
    reasoningChunk('A ', 400),
    reasoningChunk('sum.', 900),
  );
  expect(thread.find('m2')).toMatchObject({
    content: '',
    status: 'streaming',
    reasoning: { text: 'A sum.', durationMs: 900 },
  });

  const end = responseEnd();
  thread.apply(responseChunk('Four.'));
  thread.apply({ ...end, data: { ...end.data, reasoning_ms: 1100 } } as typeof end);

  expect(thread.find('m2')).toMatchObject({
    content: 'Four.',
    reasoning: { text: 'A sum.', durationMs: 1100 },
  });
});

test('a replayed turn rebuilds the reasoning of its answer', () => {
  const events = [messageAccepted(), reasoningChunk('A sum.'), responseChunk('Four.')];
  const thread = threadAfter(...events, ...events);

  expect(thread.find('m2')).toMatchObject({ content: 'Four.', reasoning: { text: 'A sum.' } });
});

test('the reasoning of an answer that begins again is replaced when the new one arrives', () => {
  const thread = new Thread('c', 'loading');
  const reasoning = { text: 'Hm.', duration_ms: 5, tokens: 1 };
  const stopped = message(2, { content: '', status: 'stopped', reasoning });
  thread.load(page([message(1), stopped]));
  const accepted = messageAccepted({ turn_id: 't1' });

  thread.apply(accepted);
  expect(thread.find('m2')?.reasoning).toEqual({ text: 'Hm.', durationMs: 5 });
  thread.apply(reasoningChunk('A sum.', 7));
  expect(thread.find('m2')?.reasoning).toEqual({ text: 'A sum.', durationMs: 7 });

  thread.apply(accepted);
  thread.apply(responseChunk('Four.'));
  expect(thread.find('m2')?.reasoning).toBeNull();
});
