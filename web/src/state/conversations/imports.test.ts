import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { ApiError, offlineError } from '../../api/http';
import type { ImportJob } from '../../api/types';
import { describeImport, GIVE_UP_AFTER_MS, Imports } from './imports';

function job(changes: Partial<ImportJob> = {}): ImportJob {
  return {
    import_id: 'i',
    status: 'running',
    done: 0,
    of: 2,
    imported: 0,
    already_there: 0,
    added_to: 0,
    left_out: 0,
    first_left_out: [],
    messages: 0,
    error: null,
    ...changes,
  };
}

const unavailable = () => new ApiError('The store is busy.', 'storage_timeout', null, 503);
const notFound = () => new ApiError('Import not found.', 'import_not_found', null, 404);

/** Starts the import of `export.json`. Each poll gets one of these results; the last one is repeated. */
async function startImport(...results: (Partial<ImportJob> | Error)[]) {
  let last: Partial<ImportJob> | Error = {};
  const importJob = vi.fn(() => {
    last = results.shift() ?? last;
    return last instanceof Error ? Promise.reject(last) : Promise.resolve(job(last));
  });
  const onend = vi.fn();
  const imports = new Imports({ startImport: () => Promise.resolve(job()), importJob }, onend);
  void imports.start(new File(['{}'], 'export.json'));
  await vi.advanceTimersByTimeAsync(0);
  return { imports, importJob, onend, text: () => describeImport(imports.state.value) };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(1);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('an import', () => {
  test('is polled until it ends', async () => {
    const { onend, text } = await startImport(
      { done: 1 },
      { status: 'complete', done: 2, imported: 2 },
    );
    expect(text()).toBe('export.json: 0 of 2 chats');
    await vi.advanceTimersByTimeAsync(400);
    expect(text()).toBe('export.json: 1 of 2 chats');
    await vi.advanceTimersByTimeAsync(400);

    expect(onend).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ phase: 'complete', imported: 2 }),
    );
    await vi.runAllTimersAsync();
    expect(onend).toHaveBeenCalledTimes(1);
  });

  test.each([
    ['a network error', offlineError()],
    ['an overloaded server', unavailable()],
    ['a rate limit', new ApiError('Too fast.', 'rate_limited', null, 429)],
  ])('continues after polls that failed because of %s', async (_reason, error) => {
    const { imports, onend } = await startImport(error, error, { done: 1 }, { status: 'complete' });
    await vi.advanceTimersByTimeAsync(600);
    expect(imports.state.value.phase).toBe('running');
    expect(onend).not.toHaveBeenCalled();

    await vi.runAllTimersAsync();

    expect(imports.state.value).toMatchObject({ phase: 'complete', problem: null });
  });

  test('is polled less and less often while polls fail', async () => {
    const { importJob } = await startImport(offlineError());
    for (const [index, delay] of [400, 500, 1000, 2000, 4000, 8000, 15_000, 15_000].entries()) {
      await vi.advanceTimersByTimeAsync(delay - 1);
      expect(importJob).toHaveBeenCalledTimes(index);
      await vi.advanceTimersByTimeAsync(1);
      expect(importJob).toHaveBeenCalledTimes(index + 1);
    }
  });

  test('is not polled earlier than the server asks', async () => {
    const retryAt = Date.now() + 30_000;
    const { importJob } = await startImport(new ApiError('Too fast.', 'x', retryAt, 429), {});

    await vi.advanceTimersByTimeAsync(29_000);
    expect(importJob).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(2000);

    expect(importJob.mock.calls.length).toBeGreaterThan(1);
  });

  test('may still be running when the server has not responded for a long time', async () => {
    const { imports, onend, text } = await startImport(offlineError());
    await vi.advanceTimersByTimeAsync(GIVE_UP_AFTER_MS - 15_000);
    expect(imports.isRunning).toBe(true);

    await vi.advanceTimersByTimeAsync(30_000);

    expect(onend).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ phase: 'unknown' }));
    expect(text()).toContain('The import may still be running.');
    expect(text()).not.toContain('could not be imported');
  });

  test('may still be running when polls get no response at all', async () => {
    const { imports, importJob, text } = await startImport();
    importJob.mockReturnValue(new Promise(() => {}));
    await vi.advanceTimersByTimeAsync(GIVE_UP_AFTER_MS - 60_000);
    expect(imports.isRunning).toBe(true);
    expect(importJob.mock.calls.length).toBeGreaterThan(5);

    await vi.advanceTimersByTimeAsync(120_000);

    expect(text()).toContain('The import may still be running.');
  });

  test('may still be running when the server does not know it', async () => {
    const { imports, text } = await startImport(notFound());
    await vi.advanceTimersByTimeAsync(400);

    expect(imports.isRunning).toBe(false);
    expect(text()).toContain('The import may still be running.');
  });

  test('has failed when the server says so', async () => {
    const error = { message: 'The server has no space left.', code: 'storage_full' };
    const { onend, text } = await startImport({ status: 'failed', error });
    await vi.advanceTimersByTimeAsync(400);

    expect(onend).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ phase: 'failed' }));
    expect(text()).toBe('export.json could not be imported. The server has no space left.');
  });

  test('lists what was left out, and says if there may be more', async () => {
    const entry = { position: 4, title: null, conversation_id: null, reason: 'it has no messages' };
    const titled = { ...entry, title: 'Lake', reason: '2 of its messages were left out: too long' };
    const few = await startImport({ left_out: 3, first_left_out: [entry, titled] });
    const many = await startImport({
      left_out: 101,
      first_left_out: Array.from({ length: 100 }, () => entry),
    });
    await vi.advanceTimersByTimeAsync(400);

    expect(few.imports.state.value.leftOutReasons).toEqual([
      'Chat 4: it has no messages.',
      'Lake: 2 of its messages were left out: too long.',
    ]);
    expect(many.imports.state.value.leftOutReasons.at(-1)).toBe('Only the first 100 are listed.');
  });
});

describe('the result of an import', () => {
  test.each<[Partial<ImportJob>, string]>([
    [{ imported: 1 }, 'Imported 1 chat.'],
    [{ imported: 1200 }, 'Imported 1,200 chats.'],
    [{ added_to: 1 }, 'Added new messages to 1 chat.'],
    [{ already_there: 1 }, '1 chat was already up to date.'],
    [{ already_there: 3 }, '3 chats were already up to date.'],
    [
      { imported: 2, added_to: 3, already_there: 1, left_out: 1 },
      'Imported 2 chats. Added new messages to 3 chats. ' +
        '1 chat was already up to date. 1 item was left out.',
    ],
    [{ imported: 2, left_out: 2 }, 'Imported 2 chats. 2 items were left out.'],
    [{}, 'There was nothing to import.'],
  ])('names each count: %j', async (counts, result) => {
    const { text } = await startImport({ status: 'complete', ...counts });
    await vi.advanceTimersByTimeAsync(400);

    expect(text()).toBe(`export.json: ${result}`);
  });

  test('says what was imported before a failure', async () => {
    const error = { message: 'Your storage is full.', code: 'storage_full' };
    const { text } = await startImport({ status: 'failed', imported: 1, error });
    await vi.advanceTimersByTimeAsync(400);

    expect(text()).toBe(
      'Only a part of export.json was imported. Your storage is full. Imported 1 chat.',
    );
  });
});
