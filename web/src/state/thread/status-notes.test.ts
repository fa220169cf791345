import { describe, expect, test } from 'vitest';

import { statusNoteOf } from './status-notes';
import { message } from './testing';
import { toThreadMessage } from './thread-message';

function noteOf(status: 'failed' | 'stopped' | 'truncated', content: string, code?: string) {
  return statusNoteOf({
    ...toThreadMessage(message(2, { status, content })),
    problem: code === undefined ? null : { message: 'Why.', code, retryAt: null },
  });
}

describe('the status note of a message', () => {
  test('offers to continue a partial answer, and to regenerate an empty one', () => {
    expect(noteOf('stopped', 'Half')?.actions).toEqual(['continue']);
    expect(noteOf('stopped', '')?.actions).toEqual(['regenerate']);
    expect(noteOf('failed', '', 'model_unreachable')).toMatchObject({
      isError: true,
      text: 'Why.',
      actions: ['regenerate'],
    });
  });

  test('gives advice for a known error', () => {
    expect(noteOf('failed', '', 'model_content_filter')).toMatchObject({
      hint: 'Rephrase the question.',
      actions: ['edit'],
    });
    expect(noteOf('failed', 'I can’t.', 'model_refused')?.actions).toEqual(['edit']);
    for (const code of ['model_key_refused', 'model_access_denied']) {
      expect(noteOf('failed', '', code)?.hint).toContain('Ask your administrator');
    }
  });

  test('says why an answer was truncated, if the reason is known', () => {
    expect(noteOf('truncated', 'Half', 'turn_too_long')).toMatchObject({
      isError: false,
      text: 'Why.',
      actions: ['continue'],
    });
    expect(noteOf('truncated', 'Half')?.text).toBe('The answer reached its length limit.');
  });

  test('is null for a complete message', () => {
    expect(statusNoteOf(toThreadMessage(message(2)))).toBeNull();
  });
});
