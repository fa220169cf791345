import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { ApiError } from '../api/client';
import type { Context, ImportJob, Ledger, SearchHit } from '../api/types';
import { placeIn } from './page/address';
import { ContextEditor } from './context/context-editor';
import { Conversations } from './library/conversations';
import { Imports } from './library/imports';
import { sharesOf } from './context/ledger';
import { parametersOf } from './context/parameters';
import { PAUSE_MS, Search } from './library/search';
import { commandOf, type Key } from './page/shortcuts';
import { tabOf } from './page/tab';

const hit = (id: string) => ({ message_id: id }) as SearchHit;

const read = (etag: string) => ({ context: { summary: null } as Context, etag });

const page = (ids: string[], next_cursor: string | null) => ({
  conversations: ids.map((id) => ({ conversation_id: id, updated_at: '2026' })) as never,
  next_cursor,
});

const job = (status: ImportJob['status'], done: number): ImportJob => ({
  import_id: 'i',
  status,
  done,
  of: 2,
  imported: done,
  already_there: 0,
  error: null,
});

const key = (name: string, held: Partial<Key> = {}): Key => ({
  key: name,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...held,
});

describe('the search', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  test('asks once for words that are typed quickly', async () => {
    const find = vi.fn(() => Promise.resolve([hit('1')]));
    const search = new Search(find);
    for (const words of ['t', 'ti', 'tide ']) search.type(words);
    await vi.advanceTimersByTimeAsync(PAUSE_MS);

    expect(find).toHaveBeenCalledExactlyOnceWith('tide');
    expect(search.state.value).toMatchObject({ phase: 'ready', hits: [{ message_id: '1' }] });
  });

  test('forgets an answer that comes after the next question', async () => {
    const answers: ((hits: SearchHit[]) => void)[] = [];
    const search = new Search(() => new Promise((resolve) => answers.push(resolve)));
    search.type('moon');
    await vi.advanceTimersByTimeAsync(PAUSE_MS);
    search.type('tide');
    await vi.advanceTimersByTimeAsync(PAUSE_MS);
    answers[1]?.([hit('tide')]);
    await vi.advanceTimersByTimeAsync(0);
    answers[0]?.([hit('moon')]);
    await vi.advanceTimersByTimeAsync(0);

    expect(search.state.value.hits).toEqual([hit('tide')]);
  });

  test('is over when the words are taken away, whatever comes late', async () => {
    const answers: ((hits: SearchHit[]) => void)[] = [];
    const search = new Search(() => new Promise((resolve) => answers.push(resolve)));
    search.type('moon');
    await vi.advanceTimersByTimeAsync(PAUSE_MS);
    search.type('');
    answers[0]?.([hit('moon')]);
    await vi.advanceTimersByTimeAsync(0);

    expect(search.state.value).toMatchObject({ phase: 'idle', hits: [] });
  });

  test('can be tried again where it failed', async () => {
    const find = vi.fn(() => Promise.resolve([hit('1')]));
    find.mockRejectedValueOnce(new ApiError('The store can’t be reached.', 'storage_unavailable'));
    const search = new Search(find);
    search.type('moon');
    await vi.advanceTimersByTimeAsync(PAUSE_MS);
    expect(search.state.value.phase).toBe('failed');
    await search.again();

    expect(search.state.value).toMatchObject({ phase: 'ready', problem: null });
  });
});

describe('the context', () => {
  test('is changed only as it was read; after a conflict it is read again, and then changed', async () => {
    const change = vi.fn(() => Promise.resolve());
    const api = {
      read: vi.fn().mockResolvedValueOnce(read('"1"')).mockResolvedValue(read('"2"')),
      change: change.mockRejectedValueOnce(new ApiError('It has moved on.', 'stale')),
    };
    const editor = new ContextEditor(api as never, 'c');
    await editor.read();

    expect(await editor.change('system_prompt', { system_prompt: 'Hi' })).toBe(false);
    expect(editor.state.value.problem).toMatchObject({ part: 'system_prompt' });
    expect(editor.state.value.problem?.text).toContain('changed elsewhere');
    expect(await editor.change('system_prompt', { system_prompt: 'Hi' })).toBe(true);

    const tags = change.mock.calls.map((call: unknown[]) => call[2]);
    expect(tags).toEqual(['"1"', '"2"']);
    expect(editor.state.value).toMatchObject({ problem: null, saving: null });
  });
});

test('a list that is read again holds as much as before', async () => {
  const list = new Conversations((cursor) =>
    Promise.resolve(cursor === null ? page(['a', 'b'], 'next') : page(['c'], null)),
  );
  await list.load();
  await list.loadMore();
  await list.load();

  expect(list.state.value.items.map((item) => item.conversation_id)).toEqual(['a', 'b', 'c']);
  expect(list.beside('b', 1)?.conversation_id).toBe('c');
  expect(list.beside('c', 1)).toBeUndefined();
});

test('an import is followed until it ends', async () => {
  const seen: number[] = [];
  const calls = {
    startImport: () => Promise.resolve(job('running', 0)),
    importJob: vi
      .fn()
      .mockResolvedValueOnce(job('running', 1))
      .mockResolvedValue(job('complete', 2)),
  };
  const onend = vi.fn();
  const imports = new Imports(calls, onend, () => {
    seen.push(imports.state.value.done);
    return Promise.resolve();
  });
  await imports.start(new File(['{}'], 'export.json'));

  expect(seen).toEqual([0, 1]);
  expect(onend).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ phase: 'complete', imported: 2 }),
  );
});

test('the shares of the window are the whole window', () => {
  const ledger: Ledger = {
    window: 1000,
    reserved: 200,
    system: 10,
    few_shot: 20,
    summary: 30,
    summary_through: 4,
    history: 140,
    total: 400,
    left_out_messages: 0,
  };

  const shares = sharesOf(ledger);

  expect(shares.reduce((sum, { part }) => sum + part, 0)).toBeCloseTo(1);
  expect(shares.at(-1)).toMatchObject({ kind: 'free', tokens: 600 });
});

test('parameters that are left empty are the server’s', () => {
  const form = new FormData();
  form.set('temperature', '0');
  form.set('top_p', ' ');
  form.set('reasoning_effort', '');

  expect(parametersOf(form)).toEqual({ temperature: 0 });
});

describe('a key', () => {
  test('is text where one types, and a shortcut elsewhere', () => {
    expect(commandOf(key('?', { shiftKey: true }), 'page', true)).toBe('shortcuts');
    expect(commandOf(key('?', { shiftKey: true }), 'empty-field', true)).toBeNull();
    expect(commandOf(key('k', { ctrlKey: true }), 'text', true)).toBe('search');
    expect(commandOf(key('z', { metaKey: true }), 'text', true)).toBeNull();
    expect(commandOf(key('ArrowUp', { altKey: true }), 'empty-field', true)).toBe('previous');
    expect(commandOf(key('ArrowUp', { altKey: true }), 'text', true)).toBeNull();
  });

  test('alone is no shortcut for who does not want that', () => {
    expect(commandOf(key('/'), 'page', false)).toBeNull();
    expect(commandOf(key('K', { ctrlKey: true }), 'page', false)).toBe('search');
  });
});

test('the browser’s tab shows first what matters most', () => {
  const known = {
    connection: 'connected',
    isAnswering: true,
    isUnseen: true,
    title: 'Tides',
  } as const;

  expect(tabOf(known)).toEqual({ title: 'Tides – Webchat', icon: '/favicon-answering.svg' });
  expect(tabOf({ ...known, connection: 'offline' }).icon).toBe('/favicon-away.svg');
  expect(tabOf({ ...known, isAnswering: false }).title).toBe('• Tides – Webchat');
});

test('an address names a conversation, and a message in it', () => {
  const id = '0190f5a0-0000-7000-8000-000000000000';

  expect(placeIn(`/c/${id}`)).toEqual({ id, position: null });
  expect(placeIn(`/c/${id}#m12`)).toEqual({ id, position: 12 });
  // There is none of this name, which the server says.
  expect(placeIn('/c/none')).toEqual({ id: 'none', position: null });
  expect(placeIn('/')).toBeNull();
});
