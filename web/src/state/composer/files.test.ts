import { beforeEach, describe, expect, test } from 'vitest';

import { ApiError } from '../../api/client';
import type { FileApi } from '../../api/file-api';
import type { FileJob } from '../../api/types';
import { Files } from './files';

function job(changes: Partial<FileJob> = {}): FileJob {
  return {
    job_id: 'j1',
    conversation_id: 'c',
    file_name: 'sea.txt',
    size_bytes: 5,
    status: 'running',
    done: 0,
    of: 4,
    error: null,
    ...changes,
  };
}

interface Upload {
  name: string;
  onsent: (bytes: number) => void;
  signal: AbortSignal;
  resolve: (job: FileJob) => void;
  reject: (error: Error) => void;
}

let uploads: Upload[];
let cancelled: string[];
/** As the server lists them, the newest first. */
let jobs: FileJob[];
let files: Files;

beforeEach(() => {
  uploads = [];
  cancelled = [];
  jobs = [];
  const api: FileApi = {
    upload: (_id, file, onsent, signal) =>
      new Promise((resolve, reject) => {
        uploads.push({ name: file.name, onsent, signal, resolve, reject });
      }),
    list: () => Promise.resolve(jobs),
    cancel: (_id, jobId) => {
      cancelled.push(jobId);
      return Promise.resolve();
    },
    retry: () => Promise.resolve(job()),
  };
  files = new Files(api);
});

const upload = async (at: number): Promise<Upload> => {
  await expect.poll(() => uploads[at]).toBeDefined();
  return uploads[at] as Upload;
};
const sea = () => new File(['waves'], 'sea.txt');
const shown = () => files.of('c').map(({ name, phase, done, of }) => [name, phase, done, of]);

describe('a file', () => {
  test('is sent, read by the server, and then a message', async () => {
    files.add('c', [sea()]);
    const { onsent, resolve } = await upload(0);
    onsent(3);
    expect(shown()).toEqual([['sea.txt', 'sending', 3, 5]]);

    resolve(job());
    await expect.poll(shown).toEqual([['sea.txt', 'running', 0, 4]]);
    files.progress('c', job({ done: 3 }));
    expect(shown()).toEqual([['sea.txt', 'running', 3, 4]]);
    files.progress('c', job({ done: 4, status: 'complete' }));

    expect(shown()).toEqual([]);
    expect(files.of('other')).toEqual([]);
  });

  test('is there once, also when an event tells of it before the answer does', async () => {
    files.add('c', [sea()]);
    const { resolve } = await upload(0);

    files.progress('c', job({ done: 1 }));
    resolve(job());
    await Promise.resolve();

    expect(shown()).toEqual([['sea.txt', 'running', 1, 4]]);
  });

  test('waits for the one before it', async () => {
    files.add('c', [sea(), new File(['sand'], 'shore.txt')]);
    const first = await upload(0);
    expect(shown()[1]).toEqual(['shore.txt', 'waiting', 0, 4]);

    first.reject(new ApiError('It is too large.', 'payload_too_large'));

    expect((await upload(1)).name).toBe('shore.txt');
    expect(files.of('c')[0]).toMatchObject({ phase: 'refused', reason: 'It is too large.' });
  });

  test('that was refused can be sent again', async () => {
    files.add('c', [sea()]);
    (await upload(0)).reject(new ApiError('The server can’t be reached.', 'offline'));
    await expect.poll(() => files.of('c')[0]?.phase).toBe('refused');

    await files.retry(files.of('c')[0]?.key ?? '');

    (await upload(1)).resolve(job());
    await expect.poll(shown).toEqual([['sea.txt', 'running', 0, 4]]);
  });

  test('that is taken back is not sent on, and its job cancelled', async () => {
    files.add('c', [sea()]);
    const { signal, resolve } = await upload(0);

    await files.cancel(files.of('c')[0]?.key ?? '');

    expect(signal.aborted).toBe(true);
    expect(shown()).toEqual([]);
    resolve(job());
    await expect.poll(() => cancelled).toEqual(['j1']);
    expect(shown()).toEqual([]);
  });

  test('whose analysis failed says why, and is tried again', async () => {
    const error = { message: 'The model failed.', code: 'model_failed' };
    files.progress('c', job({ status: 'failed', error }));
    expect(files.of('c')[0]).toMatchObject({ phase: 'failed', reason: 'The model failed.' });

    await files.retry('j1');

    expect(files.of('c')[0]).toMatchObject({ phase: 'running', reason: null });
  });

  test('that is tried again may be done before the server’s answer is here', async () => {
    files.progress('c', job({ status: 'failed' }));
    const retried = files.retry('j1');
    files.progress('c', job({ status: 'complete' }));
    await retried;

    expect(shown()).toEqual([]);
  });

  test('that is read by the server, or has failed there, shows after a reload', async () => {
    jobs = [job({ done: 2 }), job({ job_id: 'j0', file_name: 'sand.txt', status: 'failed' })];
    jobs.push(job({ job_id: 'j', status: 'complete' }));

    await files.read('c');

    expect(shown()).toEqual([
      ['sand.txt', 'failed', 0, 4],
      ['sea.txt', 'running', 2, 4],
    ]);
  });

  test('that ended while nothing was heard of it is gone, and one being sent stays', async () => {
    files.progress('c', job({ job_id: 'j1' }));
    files.progress('c', job({ job_id: 'j2' }));
    files.add('c', [sea()]);
    await upload(0);
    jobs = [job({ job_id: 'j1', status: 'complete' })];

    await files.read('c');

    expect(shown()).toEqual([['sea.txt', 'sending', 0, 5]]);
  });
});
