import { expect, test } from 'vitest';

import type { FileJob } from '../../api/types';
import { message } from '../thread/testing';
import { toThreadMessage } from '../thread/thread-message';
import { AnalysedFiles, instructionsOf } from './analysed-files';

const QUESTION = 'Please analyse the file "sea.txt".';

const job = (message_id: string | null, changes: Partial<FileJob> = {}): FileJob => ({
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
  ...changes,
});

/** A thread with these messages, and the files of the messages. */
function filesOf(files: AnalysedFiles, ...messages: ReturnType<typeof message>[]) {
  const shown = messages.map(toThreadMessage);
  const thread = {
    find: (id: string) => shown.find((other) => other.id === id),
    answerTo: (id: string) => shown.find(({ parentId }) => parentId === id),
  };
  return shown.map((one) => files.about(one, thread)?.job_id);
}

test('a question and an answer are about a file if the analysis is any version of the answer', () => {
  const files = new AnalysedFiles();
  files.add([job(null), job('m2', { job_id: 'j2' })]);

  const again = message(4, { parent_id: 'm1', versions: ['m2', 'm4'] });
  expect(filesOf(files, message(1), again)).toEqual(['j2', 'j2']);
  expect(filesOf(files, message(1), message(6, { parent_id: 'm1' }))).toEqual([
    undefined,
    undefined,
  ]);
});

test('all versions of a question about a file, and their answers, are about that file', () => {
  const files = new AnalysedFiles();
  files.add([job('m2', { question_id: 'm1' }), job('m8', { job_id: 'j8', question_id: 'm7' })]);
  files.add([job('m4', { question_id: 'm3' })]);
  const versions = ['m1', 'm3', 'm5'];

  const first = message(1, { versions, content: QUESTION });
  expect(filesOf(files, first, message(2))).toEqual(['j1', 'j1']);
  const asked = message(3, { versions, content: `${QUESTION}\n\nWhich?`, parent_id: null });
  expect(filesOf(files, asked, message(4))).toEqual(['j1', 'j1']);
  // An older server let the user edit the question like any other.
  const other = message(5, { versions, content: 'Which?', parent_id: null });
  expect(filesOf(files, other, message(6))).toEqual([undefined, undefined]);
});

test('the instructions follow the line that names the file', () => {
  expect(instructionsOf(QUESTION, job('m2'))).toBe('');
  expect(instructionsOf(`${QUESTION}\n\nWhich?\n\nWhy?`, job('m2'))).toBe('Which?\n\nWhy?');
  expect(instructionsOf(`${QUESTION} Which?`, job('m2'))).toBeNull();
  expect(instructionsOf('What is new in sea.txt?', job('m2'))).toBeNull();
});
