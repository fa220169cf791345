import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { ApiError } from '../api/client';
import { Library } from './library';
import type { Conversation } from '../api/types';
import { Toasts, TOAST_MS } from '../state/page/toasts';

function conversation(id: string, more: Partial<Conversation> = {}): Conversation {
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

/** A library with one conversation, `a`, that is open. */
async function library() {
  const calls = {
    conversations: vi.fn(() =>
      Promise.resolve({ conversations: [conversation('a')], next_cursor: null }),
    ),
    archived: vi.fn(() => Promise.resolve({ conversations: [], next_cursor: null })),
    remove: vi.fn((_id: string) => Promise.resolve()),
    removeLeaving: vi.fn(),
    archive: vi.fn((id: string, archived: boolean) =>
      Promise.resolve(conversation(id, { archived })),
    ),
  };
  const around = {
    toasts: new Toasts(),
    drafts: { write: vi.fn() },
    current: () => 'a' as string | null,
    open: vi.fn(),
    newChat: vi.fn(() => {
      around.current = () => null;
    }),
    readAgain: vi.fn(),
    failed: vi.fn(),
  };
  const start = async () => {
    const made = new Library(calls as never, calls as never, localStorage, around as never);
    await made.start();
    return made;
  };
  return { calls, around, start, library: await start() };
}

function ids({ conversations }: Library): string[] {
  return conversations.state.value.items.map((item) => item.conversation_id);
}

describe('a conversation that is deleted', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    localStorage.clear();
  });
  afterEach(() => vi.useRealTimers());

  test('goes from the list at once, and from the server when its toast does', async () => {
    const { library: known, calls, around } = await library();
    known.remove('a');
    expect(ids(known)).toEqual([]);
    expect(around.newChat).toHaveBeenCalled();

    await vi.advanceTimersByTimeAsync(TOAST_MS - 1);
    expect(calls.remove).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);

    expect(calls.remove).toHaveBeenCalledExactlyOnceWith('a');
  });

  test('comes back by undo, opened as it was, and is never deleted', async () => {
    const { library: known, calls, around } = await library();
    known.remove('a');
    known.undoRemoval();
    await vi.advanceTimersByTimeAsync(2 * TOAST_MS);
    known.leave();

    expect(ids(known)).toEqual(['a']);
    expect(around.open).toHaveBeenCalledWith('a');
    expect(calls.remove).not.toHaveBeenCalled();
    expect(calls.removeLeaving).not.toHaveBeenCalled();
  });

  test('does not come back with what the server still tells of it', async () => {
    const { library: known } = await library();
    known.remove('a');
    known.place(conversation('a', { title: 'changed' }));
    expect(ids(known)).toEqual([]);
    await known.readAgain();

    expect(ids(known)).toEqual([]);
  });

  test('is deleted when the page goes away', async () => {
    const { library: known, calls } = await library();
    known.remove('a');
    known.leave();

    expect(calls.removeLeaving).toHaveBeenCalledExactlyOnceWith('a');
  });

  test('is deleted by the next visit where the tab crashed, and not seen meanwhile', async () => {
    const { library: known, calls, start } = await library();
    known.remove('a');

    expect(ids(await start())).toEqual([]);
    expect(calls.remove).not.toHaveBeenCalled();
    vi.setSystemTime(Date.now() + 61_000);
    await start();

    expect(calls.remove).toHaveBeenCalledExactlyOnceWith('a');
  });

  test('is shown again where the server does not delete it', async () => {
    const { library: known, calls, around } = await library();
    const problem = new ApiError('The store can’t be reached.', 'storage_unavailable');
    calls.remove.mockRejectedValueOnce(problem);
    known.remove('a');
    await vi.advanceTimersByTimeAsync(TOAST_MS);

    expect(ids(known)).toEqual(['a']);
    expect(around.failed).toHaveBeenCalledWith(problem);
  });

  test('stays to be undone for as long as somebody looks at its toast', async () => {
    const { library: known, calls, around } = await library();
    known.remove('a');
    const id = around.toasts.value[0]?.id ?? 0;
    await vi.advanceTimersByTimeAsync(TOAST_MS - 100);
    around.toasts.hold(id);
    await vi.advanceTimersByTimeAsync(10 * TOAST_MS);
    expect(calls.remove).not.toHaveBeenCalled();
    around.toasts.release(id);
    await vi.advanceTimersByTimeAsync(100);

    expect(calls.remove).toHaveBeenCalled();
  });
});

describe('the archive', () => {
  beforeEach(() => localStorage.clear());

  test('takes a conversation from the list, and gives it back by undo', async () => {
    const { library: known, around } = await library();
    await known.archive('a', true);
    expect(ids(known)).toEqual([]);
    expect(known.find('a')?.archived).toBe(true);

    around.toasts.act(around.toasts.value[0]?.id ?? 0);
    await vi.waitFor(() => expect(ids(known)).toEqual(['a']));

    expect(known.archived.state.value.items).toEqual([]);
  });

  test('is read again after the connection was away, if it was read before', async () => {
    const { library: known, calls } = await library();
    await known.readAgain();
    expect(calls.archived).not.toHaveBeenCalled();
    await known.readArchive();
    await known.readAgain();

    expect(calls.archived).toHaveBeenCalledTimes(2);
  });
});
