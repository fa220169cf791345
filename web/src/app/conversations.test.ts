import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { ApiError } from '../api/http';
import { conversation } from '../state/conversations/testing';
import { Toasts, TOAST_MS } from '../state/page/toasts';
import { TextStorage } from '../state/storage';
import { Conversations } from './conversations';

/** Conversations with a single one, `a`, which is open. */
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
    startImport: vi.fn((_file: File) =>
      Promise.resolve({ status: 'complete', imported: 2, first_left_out: [] }),
    ),
  };
  const host = {
    toasts: new Toasts(),
    drafts: { forget: vi.fn() },
    currentId: () => 'a' as string | null,
    open: vi.fn(),
    newChat: vi.fn(() => {
      host.currentId = () => null;
    }),
    reloadConversation: vi.fn(),
    isImportDialogOpen: () => false,
    reportError: vi.fn(),
  };
  const start = async () => {
    const conversations = new Conversations(
      api as never,
      new TextStorage(localStorage),
      host as never,
    );
    await conversations.start();
    return conversations;
  };
  return { api, host, start, conversations: await start() };
}

function activeIds({ active }: Conversations): string[] {
  return active.state.value.items.map((item) => item.conversation_id);
}

describe('a deleted conversation', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    localStorage.clear();
  });
  afterEach(() => vi.useRealTimers());

  test('disappears from the list immediately, and is deleted on the server when its toast closes', async () => {
    const { conversations, api, host } = await setUp();
    conversations.delete('a');
    expect(activeIds(conversations)).toEqual([]);
    expect(host.newChat).toHaveBeenCalled();

    await vi.advanceTimersByTimeAsync(TOAST_MS - 1);
    expect(api.delete).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);

    expect(api.delete).toHaveBeenCalledExactlyOnceWith('a');
  });

  test('is restored and opened by undo, and is never deleted on the server', async () => {
    const { conversations, api, host } = await setUp();
    conversations.delete('a');
    conversations.undoDelete();
    await vi.advanceTimersByTimeAsync(2 * TOAST_MS);
    conversations.commitDeletions();

    expect(activeIds(conversations)).toEqual(['a']);
    expect(host.open).toHaveBeenCalledWith('a');
    expect(api.delete).not.toHaveBeenCalled();
    expect(api.deleteOnUnload).not.toHaveBeenCalled();
  });

  test('does not reappear after later events or a reload', async () => {
    const { conversations } = await setUp();
    conversations.delete('a');
    conversations.upsert(conversation('a', { title: 'changed' }));
    expect(activeIds(conversations)).toEqual([]);
    await conversations.reload();

    expect(activeIds(conversations)).toEqual([]);
  });

  test('is deleted on the server when the user leaves the page', async () => {
    const { conversations, api } = await setUp();
    conversations.delete('a');
    conversations.commitDeletions();

    expect(api.deleteOnUnload).toHaveBeenCalledExactlyOnceWith('a');
  });

  test('stays hidden after a crash, and is deleted by the next visit', async () => {
    const { conversations, api, start } = await setUp();
    conversations.delete('a');

    expect(activeIds(await start())).toEqual([]);
    expect(api.delete).not.toHaveBeenCalled();
    vi.setSystemTime(Date.now() + 61_000);
    await start();

    expect(api.delete).toHaveBeenCalledExactlyOnceWith('a');
  });

  test('reappears if the server fails to delete it', async () => {
    const { conversations, api, host } = await setUp();
    const error = new ApiError('The store can’t be reached.', 'storage_unavailable');
    api.delete.mockRejectedValueOnce(error);
    conversations.delete('a');
    await vi.advanceTimersByTimeAsync(TOAST_MS);

    expect(activeIds(conversations)).toEqual(['a']);
    expect(host.reportError).toHaveBeenCalledWith(error);
  });

  test('can be restored for as long as its toast is paused', async () => {
    const { conversations, api, host } = await setUp();
    conversations.delete('a');
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

describe('the archived list', () => {
  beforeEach(() => localStorage.clear());

  test('receives an archived conversation, and undo moves it back', async () => {
    const { conversations, host } = await setUp();
    await conversations.setArchived('a', true);
    expect(activeIds(conversations)).toEqual([]);
    expect(conversations.find('a')?.archived).toBe(true);

    host.toasts.runAction(host.toasts.value[0]?.id ?? 0);
    await vi.waitFor(() => expect(activeIds(conversations)).toEqual(['a']));

    expect(conversations.archived.state.value.items).toEqual([]);
  });

  test('is reloaded with the active list, if it was loaded before', async () => {
    const { conversations, api } = await setUp();
    await conversations.reload();
    expect(api.archived).not.toHaveBeenCalled();
    await conversations.loadArchive();
    await conversations.reload();

    expect(api.archived).toHaveBeenCalledTimes(2);
  });
});

describe('an import', () => {
  test.each([
    ['failed', new ApiError('The file is too large.', 'payload_too_large')],
    ['succeeded', null],
  ])('that %s is reported if its dialog is closed', async (_phase, error) => {
    const { conversations, api, host } = await setUp();
    if (error) api.startImport.mockRejectedValueOnce(error);

    await conversations.imports.start(new File(['{}'], 'export.json'));

    expect(host.toasts.value.map(({ text }) => text)).toEqual([
      error
        ? 'export.json could not be imported. The file is too large.'
        : 'export.json: Imported 2 chats.',
    ]);
  });

  test('is not reported twice: its open dialog shows the result', async () => {
    const { conversations, host } = await setUp();
    host.isImportDialogOpen = () => true;

    await conversations.imports.start(new File(['{}'], 'export.json'));

    expect(host.toasts.value).toEqual([]);
  });
});
