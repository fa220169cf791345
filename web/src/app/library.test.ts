import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { ApiError } from '../api/http';
import type { Conversation } from '../api/types';
import { Toasts, TOAST_MS } from '../state/page/toasts';
import { Library } from './library';

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

/** A library with one conversation, `a`, which is open. */
async function setUp() {
  const api = {
    conversations: vi.fn(() =>
      Promise.resolve({ conversations: [conversation('a')], next_cursor: null }),
    ),
    archived: vi.fn(() => Promise.resolve({ conversations: [], next_cursor: null })),
    delete: vi.fn((_id: string) => Promise.resolve()),
    deleteOnUnload: vi.fn(),
    setArchived: vi.fn((id: string, archived: boolean) =>
      Promise.resolve(conversation(id, { archived })),
    ),
  };
  const host = {
    toasts: new Toasts(),
    drafts: { write: vi.fn() },
    currentId: () => 'a' as string | null,
    open: vi.fn(),
    newChat: vi.fn(() => {
      host.currentId = () => null;
    }),
    reloadThread: vi.fn(),
    reportError: vi.fn(),
  };
  const start = async () => {
    const library = new Library(api as never, api as never, localStorage, host as never);
    await library.start();
    return library;
  };
  return { api, host, start, library: await start() };
}

function ids({ conversations }: Library): string[] {
  return conversations.state.value.items.map((item) => item.conversation_id);
}

describe('a deleted conversation', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    localStorage.clear();
  });
  afterEach(() => vi.useRealTimers());

  test('leaves the list at once, and the server when its toast closes', async () => {
    const { library, api, host } = await setUp();
    library.delete('a');
    expect(ids(library)).toEqual([]);
    expect(host.newChat).toHaveBeenCalled();

    await vi.advanceTimersByTimeAsync(TOAST_MS - 1);
    expect(api.delete).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);

    expect(api.delete).toHaveBeenCalledExactlyOnceWith('a');
  });

  test('is restored and opened by undo, and never deleted on the server', async () => {
    const { library, api, host } = await setUp();
    library.delete('a');
    library.undoDelete();
    await vi.advanceTimersByTimeAsync(2 * TOAST_MS);
    library.commitDeletions();

    expect(ids(library)).toEqual(['a']);
    expect(host.open).toHaveBeenCalledWith('a');
    expect(api.delete).not.toHaveBeenCalled();
    expect(api.deleteOnUnload).not.toHaveBeenCalled();
  });

  test('does not reappear with later events or a reload', async () => {
    const { library } = await setUp();
    library.delete('a');
    library.upsert(conversation('a', { title: 'changed' }));
    expect(ids(library)).toEqual([]);
    await library.reload();

    expect(ids(library)).toEqual([]);
  });

  test('is deleted on the server when the page is left', async () => {
    const { library, api } = await setUp();
    library.delete('a');
    library.commitDeletions();

    expect(api.deleteOnUnload).toHaveBeenCalledExactlyOnceWith('a');
  });

  test('is deleted by the next visit after a crash, and hidden until then', async () => {
    const { library, api, start } = await setUp();
    library.delete('a');

    expect(ids(await start())).toEqual([]);
    expect(api.delete).not.toHaveBeenCalled();
    vi.setSystemTime(Date.now() + 61_000);
    await start();

    expect(api.delete).toHaveBeenCalledExactlyOnceWith('a');
  });

  test('reappears if the server fails to delete it', async () => {
    const { library, api, host } = await setUp();
    const problem = new ApiError('The store can’t be reached.', 'storage_unavailable');
    api.delete.mockRejectedValueOnce(problem);
    library.delete('a');
    await vi.advanceTimersByTimeAsync(TOAST_MS);

    expect(ids(library)).toEqual(['a']);
    expect(host.reportError).toHaveBeenCalledWith(problem);
  });

  test('can be undone for as long as its toast is paused', async () => {
    const { library, api, host } = await setUp();
    library.delete('a');
    const id = host.toasts.value[0]?.id ?? 0;
    await vi.advanceTimersByTimeAsync(TOAST_MS - 100);
    host.toasts.pause(id);
    await vi.advanceTimersByTimeAsync(10 * TOAST_MS);
    expect(api.delete).not.toHaveBeenCalled();
    host.toasts.resume(id);
    await vi.advanceTimersByTimeAsync(100);

    expect(api.delete).toHaveBeenCalled();
  });
});

describe('the archive', () => {
  beforeEach(() => localStorage.clear());

  test('takes a conversation from the list, and undo restores it', async () => {
    const { library, host } = await setUp();
    await library.setArchived('a', true);
    expect(ids(library)).toEqual([]);
    expect(library.find('a')?.archived).toBe(true);

    host.toasts.runAction(host.toasts.value[0]?.id ?? 0);
    await vi.waitFor(() => expect(ids(library)).toEqual(['a']));

    expect(library.archived.state.value.items).toEqual([]);
  });

  test('is reloaded with the list, if it was loaded before', async () => {
    const { library, api } = await setUp();
    await library.reload();
    expect(api.archived).not.toHaveBeenCalled();
    await library.loadArchive();
    await library.reload();

    expect(api.archived).toHaveBeenCalledTimes(2);
  });
});
