import { expect, test } from 'vitest';

import type { FileJob } from '../../api/types';
import { AnalysedFiles, isFileQuestion } from './analysed-files';

const job = (message_id: string | null): FileJob => ({
  job_id: 'j1',
  conversation_id: 'c',
  file_name: 'sea.txt',
  size_bytes: 18,
  token_count: 5,
  status: message_id === null ? 'running' : 'complete',
  done: 0,
  of: 1,
  error: null,
  created_at: '2026-01-02T03:04:05Z',
  message_id,
});

test('an answer is about a file if any of its versions is the analysis', () => {
  const files = new AnalysedFiles();
  files.add([job(null), job('m2')]);

  expect(files.ofAnswer({ versions: ['m2', 'm4'] })?.file_name).toBe('sea.txt');
  expect(files.ofAnswer({ versions: ['m6'] })).toBeUndefined();
  expect(files.ofAnswer(undefined)).toBeUndefined();
});

test('only the question that the server stores for a file is replaced by the card', () => {
  expect(isFileQuestion('Please analyse the file "sea.txt".', job('m2'))).toBe(true);
  expect(isFileQuestion('What is new in sea.txt?', job('m2'))).toBe(false);
});
