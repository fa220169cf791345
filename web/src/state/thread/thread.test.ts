import { describe, expect, test } from 'vitest';

import { toRows } from './rows';
import { messageAccepted, responseChunk, responseEnd, message, page, pagesOf } from './testing';
import { Thread } from './thread';

function idsAndContents(thread: Thread) {
  return thread.state.value.messages.map(({ id, content }) => [id, content]);
}

function positions(thread: Thread): (number | null)[] {
  return thread.state.value.messages.map(({ position }) => position);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

async function openThread(count: number): Promise<Thread> {
  const read = pagesOf(count);
  const thread = new Thread('c', 'loading', read);
  thread.load(await read(null));
  return thread;
}

function contents(thread: Thread): string[] {
  return thread.state.value.messages.map(({ content }) => content);
}

describe('a thread', () => {
  test('shows a message immediately, and its answer as it streams', () => {
    const thread = new Thread('c', 'ready');
    thread.addOptimistic('name1', 'why?');
    expect(thread.state.value.messages).toMatchObject([{ status: 'sending', content: 'why?' }]);

    for (const event of [
      messageAccepted(),
      responseChunk('Be'),
      responseChunk('cause'),
      responseEnd(),
    ])
      thread.apply(event);

    expect(thread.state.value).toMatchObject({
      runningTurn: null,
      messages: [
        { id: 'm1', status: 'complete', content: 'why?' },
        {
          id: 'm2',
          status: 'complete',
          content: 'Because',
          createdAt: '2026-01-02T03:04:06Z',
          endedAt: '2026-01-02T03:04:09Z',
        },
      ],
    });
  });

  test('rebuilds an answer when its turn is replayed', () => {
    const thread = new Thread('c', 'ready');
    for (const event of [
      messageAccepted(),
      responseChunk('Be'),
      messageAccepted(),
      responseChunk('Be'),
      responseChunk('cause'),
    ]) {
      thread.apply(event);
    }

    expect(contents(thread)).toEqual(['why?', 'Because']);
  });

  test('ignores late chunks after the end of an answer', () => {
    const thread = new Thread('c', 'ready');
    for (const event of [
      messageAccepted(),
      responseChunk('Because'),
      responseEnd(),
      responseChunk('?'),
      responseChunk('x', 'other'),
    ]) {
      thread.apply(event);
    }

    expect(contents(thread)).toEqual(['why?', 'Because']);
  });

  test('keeps the partial answer and the reason of a failed turn', () => {
    const thread = new Thread('c', 'ready');
    thread.apply(messageAccepted());
    thread.apply(responseChunk('Be'));
    thread.apply({
      event: 'error',
      data: {
        conversation_id: 'c',
        seq: 3,
        message: 'The model failed.',
        code: 'x',
        turn_id: 't1',
      },
    });

    expect(thread.state.value.messages.at(-1)).toMatchObject({
      content: 'Be',
      problem: { message: 'The model failed.' },
    });
  });

  test('prepends older messages without duplicates', async () => {
    const older = page([message(1), message(2), message(3)]);
    const thread = new Thread('c', 'loading', () => Promise.resolve(older));
    thread.load(page([message(3), message(4)], { next_before: 3 }));
    await thread.loadOlder();

    expect(thread.state.value.messages.map(({ position }) => position)).toEqual([1, 2, 3, 4]);
  });

  test('keeps unstored messages when it is reloaded', () => {
    const thread = new Thread('c', 'ready');
    thread.addOptimistic('name1', 'unsent');
    thread.load(page([message(1)]));

    expect(contents(thread)).toEqual(['message 1', 'unsent']);
  });

  test('keeps a rejected message, so that it can be sent again', () => {
    const thread = new Thread('c', 'ready');
    thread.addOptimistic('name1', 'too long');
    thread.reject('name1', { message: 'Please shorten it.', code: 'x', retryAt: null });

    expect(thread.state.value.messages).toMatchObject([
      { content: 'too long', status: 'unsent', problem: { message: 'Please shorten it.' } },
    ]);
  });
});

describe('a regenerated answer', () => {
  test('replaces the old answer immediately, as another version', () => {
    const thread = new Thread('c', 'ready');
    thread.load(page([message(1), message(2)]));

    thread.apply(messageAccepted({ client_message_id: null, answer_id: 'm3', turn_id: 't2' }));
    thread.apply(responseChunk('Other', 't2'));

    expect(idsAndContents(thread)).toEqual([
      ['m1', 'why?'],
      ['m3', 'Other'],
    ]);
    expect(thread.find('m3')?.versions).toEqual(['m2', 'm3']);
  });

  test('gets its versions even if the page was loaded while it was streaming', async () => {
    const complete = page([message(1), message(3, { parent_id: 'm1', versions: ['m2', 'm3'] })]);
    const thread = new Thread('c', 'loading', () => Promise.resolve(complete));
    thread.load(page([message(1)], { running_turn: 't2' }));
    thread.apply(messageAccepted({ client_message_id: null, answer_id: 'm3', turn_id: 't2' }));
    expect(thread.find('m3')?.versions).toEqual(['m3']);

    thread.apply(responseEnd('m3', 't2'));

    await expect.poll(() => thread.find('m3')?.versions).toEqual(['m2', 'm3']);
  });
});

describe('a continued answer', () => {
  test('stays visible, and is rebuilt from the chunks of the turn', () => {
    const thread = new Thread('c', 'ready');
    thread.load(page([message(1), message(2, { status: 'stopped', content: 'The first' })]));

    thread.apply(messageAccepted({ client_message_id: null, turn_id: 't2' }));
    expect(thread.find('m2')).toMatchObject({ content: 'The first', status: 'streaming' });
    thread.apply(responseChunk('The first', 't2'));
    thread.apply(responseChunk(' and the second.', 't2'));
    thread.apply(responseEnd('m2', 't2'));

    expect(thread.find('m2')).toMatchObject({
      content: 'The first and the second.',
      status: 'complete',
    });
  });

  test('is not started by the reply to a duplicate message', () => {
    const thread = new Thread('c', 'ready');
    thread.load(page([message(1), message(2)]));
    thread.addOptimistic('name1', 'why?');
    const { seq: _, ...duplicate } = messageAccepted().data;

    thread.apply({ event: 'message_accepted', data: duplicate });

    expect(idsAndContents(thread)).toEqual([
      ['m1', 'message 1'],
      ['m2', 'message 2'],
    ]);
    expect(thread.state.value.runningTurn).toBeNull();
  });
});

describe('another version of a question', () => {
  test('keeps the messages before it, and shows its own answers', () => {
    const thread = new Thread('c', 'ready');
    thread.load(page(range(1, 4).map((position) => message(position))));
    const edited = message(5, { parent_id: 'm2', role: 'user', versions: ['m3', 'm5'] });

    thread.load(page([edited], { next_before: 3, running_turn: 't2' }));

    expect(positions(thread)).toEqual([1, 2, 5]);
    expect(thread.state.value.nextBefore).toBeNull();
  });

  test('removes the messages of the other path', () => {
    const thread = new Thread('c', 'ready');
    thread.load(page(range(1, 4).map((position) => message(position))));

    thread.load(page([message(7, { parent_id: 'm6' })], { next_before: 7 }));

    expect(positions(thread)).toEqual([7]);
    expect(thread.state.value.nextBefore).toBe(7);
  });

  test('keeps the streaming answer when the page is loaded', () => {
    const thread = new Thread('c', 'ready');
    thread.apply(messageAccepted());
    thread.apply(responseChunk('Half'));

    thread.load(page([message(1)], { running_turn: 't1' }));

    expect(thread.find('m2')?.content).toBe('Half');
  });
});

describe('an edited question', () => {
  const edit = { messageId: 'm1', text: 'how?', clientMessageId: 'name2', isSent: true };

  test('closes when its new version is accepted', () => {
    const thread = new Thread('c', 'ready');
    thread.setEdit({ ...edit, problem: null });

    thread.apply(messageAccepted({ client_message_id: 'other' }));
    expect(thread.state.value.edit).not.toBeNull();
    thread.apply(
      messageAccepted({ client_message_id: 'name2', message_id: 'm3', answer_id: 'm4' }),
    );

    expect(thread.state.value.edit).toBeNull();
  });

  test('stays open with its id and the reason when it is rejected', () => {
    const thread = new Thread('c', 'ready');
    thread.setEdit({ ...edit, problem: null });
    const problem = { message: 'Too long.', code: 'message_too_long', retryAt: null };

    thread.reject('name2', problem);

    expect(thread.state.value.edit).toEqual({ ...edit, isSent: false, problem });
  });
});

describe('a message far from the newest one', () => {
  test('is loaded with the messages around it, followed by an unloaded range', async () => {
    const thread = await openThread(1000);

    await thread.showMessage(300);

    expect(thread.state.value.target).toEqual({ id: 'm300' });
    expect(positions(thread)).toEqual([...range(275, 324), ...range(951, 1000)]);
    expect(thread.state.value.unloadedRange).toEqual({ afterPosition: 324, beforePosition: 951 });
    expect(thread.state.value.nextBefore).toBe(275);
  });

  test('leaves no unloaded range if the pages meet', async () => {
    const thread = await openThread(120);

    await thread.showMessage(50);

    expect(positions(thread)).toEqual(range(25, 120));
    expect(thread.state.value.unloadedRange).toBeNull();
  });

  test('is not loaded again if it is loaded already', async () => {
    const thread = await openThread(1000);

    await thread.showMessage(980);

    expect(thread.state.value.target).toEqual({ id: 'm980' });
    expect(positions(thread)).toEqual(range(951, 1000));
  });

  test('is shown after the conversation is loaded', async () => {
    const read = pagesOf(40);
    const thread = new Thread('c', 'loading', read);
    const shown = thread.showMessage(7);
    thread.load(await read(null));

    await shown;

    expect(thread.state.value.target).toEqual({ id: 'm7' });
  });

  test.each([true, false])(
    'is followed by a range that can be loaded from either side (from the start: %s)',
    async (fromStart) => {
      const thread = await openThread(400);
      await thread.showMessage(100);

      await thread.loadUnloadedPage(fromStart);
      const { unloadedRange } = thread.state.value;
      expect(unloadedRange).toEqual(
        fromStart
          ? { afterPosition: 174, beforePosition: 351 }
          : { afterPosition: 124, beforePosition: 301 },
      );
      for (let round = 0; thread.state.value.unloadedRange !== null && round < 10; round += 1) {
        await thread.loadUnloadedPage(fromStart);
      }

      expect(positions(thread)).toEqual(range(75, 400));
    },
  );

  test('can be loaded again after a failure', async () => {
    let isOffline = true;
    const read = pagesOf(100);
    const thread = new Thread('c', 'loading', (before) =>
      isOffline && before !== null ? Promise.reject(new Error('offline')) : read(before),
    );
    thread.load(await read(null));

    await thread.loadOlder();
    expect(thread.state.value.pageLoad).toBe('failed');
    isOffline = false;
    await thread.loadOlder();

    expect(thread.state.value.pageLoad).toBe('idle');
    expect(positions(thread)).toEqual(range(1, 100));
  });
});

describe('the rows of a thread', () => {
  const now = new Date('2026-01-05T12:00:00');

  test('keep their keys when a message is stored or another version is selected', () => {
    const thread = new Thread('c', 'ready');
    thread.load(page([message(1), message(2)]));
    thread.addOptimistic('name1', 'and?');
    const keys = () => toRows(thread.state.value, now).map(({ key }) => key);
    const before = keys();

    thread.apply(messageAccepted({ message_id: 'm3', position: 3, answer_id: 'm4' }));
    expect(keys().slice(0, 3)).toEqual(before);
    thread.load(page([message(1), message(9, { parent_id: 'm1' })]));

    expect(keys()).toEqual(before.slice(0, 2));
  });

  test('have distinct keys, even with unsent messages', () => {
    const thread = new Thread('c', 'ready');
    thread.load(page([message(1), message(2)]));
    for (const name of ['a', 'b', 'c']) thread.addOptimistic(name, name);
    thread.apply(messageAccepted({ client_message_id: 'b', message_id: 'm3', position: 3 }));
    const keys = toRows(thread.state.value, now).map(({ key }) => key);

    expect(new Set(keys).size).toBe(keys.length);
  });

  test('mark new dates, the end of the summary and unloaded ranges', async () => {
    const thread = await openThread(200);
    await thread.showMessage(60);
    thread.setSummaryThrough(100);
    const all = toRows(thread.state.value, now);

    expect(
      all.filter(({ dateHeading }) => dateHeading !== null).map(({ dateHeading }) => dateHeading),
    ).toEqual(['Friday, January 2']);
    expect(
      all
        .filter(({ isAfterUnloadedRange }) => isAfterUnloadedRange)
        .map(({ message: { id } }) => id),
    ).toEqual(['m151']);
    expect(
      all.filter(({ isLastSummarised }) => isLastSummarised).map(({ message: { id } }) => id),
    ).toEqual(['m84']);
  });
});
