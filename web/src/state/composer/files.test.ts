import { beforeEach, describe, expect, test } from 'vitest';

import type { FileApi } from '../../api/file-api';
import { ApiError, offlineError } from '../../api/http';
import type { FileJob } from '../../api/types';
import { Files } from './files';

function job(changes: Partial<FileJob> = {}): FileJob {
  return {
    job_id: 'j1',
    conversation_id: 'c',
    file_name: 'sea.txt',
    size_bytes: 5,
    token_count: 2,
    created_at: '2026-01-02T03:04:05.000Z',
    message_id: null,
    status: 'running',
    done: 0,
    of: 4,
    error: null,
    ...changes,
  };
}

interface Upload {
  name: string;
  key: string;
  onprogress: (bytes: number) => void;
  signal: AbortSignal;
  resolve: (job: FileJob) => void;
  reject: (error: Error) => void;
}

let uploads: Upload[];
let cancelled: string[];
/** The ids of retried jobs, with the instructions. */
let retried: string[];
/** Whether the server refuses retries. */
let isRefused: boolean;
/** The server's list of jobs, newest first. */
let jobs: FileJob[];
let files: Files;

beforeEach(() => {
  uploads = [];
  cancelled = [];
  retried = [];
  isRefused = false;
  jobs = [];
  const api: FileApi = {
    upload: (_id, file, key, onprogress, signal) =>
      new Promise((resolve, reject) => {
        uploads.push({ name: file.name, key, onprogress, signal, resolve, reject });
      }),
    list: () => Promise.resolve(jobs),
    cancel: (_id, jobId) => {
      cancelled.push(jobId);
      return Promise.resolve();
    },
    retry: (_id, jobId, instructions) => {
      retried.push(instructions === undefined ? jobId : `${jobId}: ${instructions}`);
      return isRefused ? Promise.reject(new Error('too many files')) : Promise.resolve(job());
    },
  };
  files = new Files(api);
});

const upload = async (index: number): Promise<Upload> => {
  await expect.poll(() => uploads[index]).toBeDefined();
  return uploads[index] as Upload;
};
const sea = () => new File(['waves'], 'sea.txt');
const attachments = () =>
  files.forConversation('c').map(({ name, phase, done, total }) => [name, phase, done, total]);

describe('a file', () => {
  test('is uploaded, then analysed, and removed when its messages exist', async () => {
    files.add('c', [sea()]);
    const { onprogress, resolve } = await upload(0);
    onprogress(3);
    expect(attachments()).toEqual([['sea.txt', 'sending', 3, 5]]);

    resolve(job());
    await expect.poll(attachments).toEqual([['sea.txt', 'running', 0, 4]]);
    files.applyProgress('c', job({ done: 3 }));
    expect(attachments()).toEqual([['sea.txt', 'running', 3, 4]]);
    files.applyProgress('c', job({ done: 4, status: 'complete' }));

    expect(attachments()).toEqual([]);
    expect(files.forConversation('other')).toEqual([]);
  });

  test('appears once, even if an event arrives before the response', async () => {
    files.add('c', [sea()]);
    const { resolve } = await upload(0);

    files.applyProgress('c', job({ done: 1 }));
    resolve(job());
    await Promise.resolve();

    expect(attachments()).toEqual([['sea.txt', 'running', 1, 4]]);
  });

  test('waits until the previous one is uploaded', async () => {
    files.add('c', [sea(), new File(['sand'], 'shore.txt')]);
    const first = await upload(0);
    expect(attachments()[1]).toEqual(['shore.txt', 'waiting', 0, 4]);

    first.reject(new ApiError('It is too large.', 'payload_too_large'));

    expect((await upload(1)).name).toBe('shore.txt');
    expect(files.forConversation('c')[0]).toMatchObject({
      phase: 'rejected',
      reason: 'It is too large.',
    });
  });

  test('can be uploaded again after it was rejected', async () => {
    files.add('c', [sea()]);
    (await upload(0)).reject(new ApiError('The server can’t be reached.', 'offline'));
    await expect.poll(() => files.forConversation('c')[0]?.phase).toBe('rejected');

    await files.retry(files.forConversation('c')[0]?.key ?? '');

    (await upload(1)).resolve(job());
    await expect.poll(attachments).toEqual([['sea.txt', 'running', 0, 4]]);
  });

  test('stops uploading when it is cancelled, and its job is cancelled', async () => {
    files.add('c', [sea()]);
    const { signal, resolve } = await upload(0);

    await files.cancel(files.forConversation('c')[0]?.key ?? '');

    expect(signal.aborted).toBe(true);
    expect(attachments()).toEqual([]);
    resolve(job());
    await expect.poll(() => cancelled).toEqual(['j1']);
    expect(attachments()).toEqual([]);
  });

  test('shows why its analysis failed, and can be retried', async () => {
    const error = { message: 'The model failed.', code: 'model_failed' };
    files.applyProgress('c', job({ status: 'failed', error }));
    expect(files.forConversation('c')[0]).toMatchObject({
      phase: 'failed',
      reason: 'The model failed.',
    });

    await files.retry('j1');

    expect(files.forConversation('c')[0]).toMatchObject({ phase: 'running', reason: null });
  });

  test('is shown while it is analysed again', async () => {
    const analysed = files.analyseAgain(job({ status: 'complete', done: 4, message_id: 'm2' }));
    expect(attachments()).toEqual([['sea.txt', 'running', 0, 4]]);
    await analysed;
    expect(retried).toEqual(['j1']);

    files.applyProgress('c', job({ status: 'complete', done: 4 }));
    expect(attachments()).toEqual([]);
  });

  test('is analysed again for the same instructions if the server has refused that', async () => {
    isRefused = true;
    await files.analyseAgain(job({ status: 'complete', message_id: 'm2' }), 'Which?');
    expect(attachments()).toEqual([['sea.txt', 'failed', 0, 4]]);

    await files.retry('j1');

    expect(retried).toEqual(['j1: Which?', 'j1: Which?']);
  });

  test('stays as it was if the server refuses other instructions', async () => {
    const complete = job({ status: 'complete', message_id: 'm2' });
    isRefused = true;
    await expect(files.analyseFor(complete, 'Which?')).rejects.toThrow('too many files');
    expect(attachments()).toEqual([]);

    files.applyProgress('c', job({ status: 'failed', done: 2 }));
    await expect(files.analyseFor(complete, '')).rejects.toThrow('too many files');
    expect(attachments()).toEqual([['sea.txt', 'failed', 2, 4]]);

    isRefused = false;
    await files.analyseFor(complete, 'When?');
    expect(attachments()).toEqual([['sea.txt', 'running', 0, 4]]);
    expect(retried).toEqual(['j1: Which?', 'j1: ', 'j1: When?']);
  });

  test('may complete before the response to a retry arrives', async () => {
    files.applyProgress('c', job({ status: 'failed' }));
    const response = files.retry('j1');
    files.applyProgress('c', job({ status: 'complete' }));
    await response;

    expect(attachments()).toEqual([]);
  });

  test('is shown after a reload if it is being analysed or has failed', async () => {
    jobs = [job({ done: 2 }), job({ job_id: 'j0', file_name: 'sand.txt', status: 'failed' })];
    jobs.push(job({ job_id: 'j', status: 'complete' }));

    await files.load('c');

    expect(attachments()).toEqual([
      ['sand.txt', 'failed', 0, 4],
      ['sea.txt', 'running', 2, 4],
    ]);
  });

  test('is removed if its analysis ended while disconnected, but not while it is being uploaded', async () => {
    files.applyProgress('c', job({ job_id: 'j1' }));
    files.applyProgress('c', job({ job_id: 'j2' }));
    files.add('c', [sea()]);
    await upload(0);
    jobs = [job({ job_id: 'j1', status: 'complete' })];

    await files.load('c');

    expect(attachments()).toEqual([['sea.txt', 'sending', 0, 5]]);
  });

  test.each([
    ['a cleaned name', 'sea\u200cside.txt', 'seaside.txt'],
    ['a shortened name', `${'x'.repeat(200)}.txt`, `${'x'.repeat(96)}.txt`],
    ['another name', 'a\\b \t.txt ', 'b.txt'],
  ])(
    'keeps its name and is recognised although the server knows it by %s',
    async (_kind, name, cleaned) => {
      files.add('c', [new File(['waves'], name)]);
      const { resolve } = await upload(0);

      files.applyProgress('c', job({ file_name: cleaned, done: 1 }));
      resolve(job({ file_name: cleaned }));
      await expect.poll(attachments).toEqual([[name, 'running', 1, 4]]);
      files.applyProgress('c', job({ file_name: cleaned, status: 'complete' }));

      expect(attachments()).toEqual([]);
    },
  );

  test('is removed even if its analysis ends before the response to its upload', async () => {
    files.add('c', [sea()]);
    const { resolve } = await upload(0);

    files.applyProgress('c', job({ status: 'complete' }));
    resolve(job());

    await expect.poll(attachments).toEqual([]);
  });

  test('of another tab with the same name is shown beside it', async () => {
    files.add('c', [sea()]);
    const { resolve } = await upload(0);

    files.applyProgress('c', job({ job_id: 'other', done: 2 }));
    resolve(job());

    await expect.poll(attachments).toEqual([
      ['sea.txt', 'running', 0, 4],
      ['sea.txt', 'running', 2, 4],
    ]);
  });

  test('that did not reach the server is uploaded again with the same key when the connection is back', async () => {
    files.add('c', [sea()]);
    (await upload(0)).reject(offlineError());
    await expect.poll(() => files.forConversation('c')[0]?.phase).toBe('rejected');

    files.retryUnreached();

    expect((await upload(1)).key).toBe(uploads[0]?.key);
  });

  test('of a wrong kind can’t be tried again', async () => {
    files.add('c', [sea()]);
    const error = new ApiError('Unsupported file type.', 'unsupported_file_type', null, 400);
    (await upload(0)).reject(error);

    await expect.poll(() => files.forConversation('c')[0]?.phase).toBe('rejected');
    expect(files.forConversation('c')[0]?.isRetryable).toBe(false);
  });

  test('of a new chat is shown at once, and uploaded when the conversation exists', async () => {
    files.addToNewChat('k', [sea()]);
    expect(files.forConversation('k')).toMatchObject([{ name: 'sea.txt', phase: 'waiting' }]);
    expect(uploads).toEqual([]);

    files.assign('k', 'c');

    expect((await upload(0)).name).toBe('sea.txt');
    expect(attachments()).toEqual([['sea.txt', 'sending', 0, 5]]);
  });
});
