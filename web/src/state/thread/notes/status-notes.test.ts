import { describe, expect, test } from 'vitest';

import type { MessageStatus } from '../../../api/types';
import { statusNoteOf } from './status-notes';
import { message } from '../testing';
import { optimisticMessage, toThreadMessage } from '../thread-message';

const SERVER_TEXT = 'It broke. Please try again.';

function noteOf(status: MessageStatus, content: string, code?: string, text = SERVER_TEXT) {
  return statusNoteOf({
    ...toThreadMessage(message(2, { status, content })),
    problem: code === undefined ? null : { message: text, code, retryAt: null },
  });
}

function unsentNote(code: string) {
  return statusNoteOf({
    ...optimisticMessage('id', 'why?'),
    status: 'unsent',
    problem: { message: 'Too many requests. Please wait a moment.', code, retryAt: null },
  });
}

describe('the status note of a message', () => {
  test('offers to continue a partial answer, and to regenerate an empty one', () => {
    expect(noteOf('stopped', 'Half')?.actions).toEqual(['continue']);
    expect(noteOf('stopped', '')?.actions).toEqual(['regenerate']);
    expect(noteOf('interrupted', 'Half')).toMatchObject({
      text: 'The server stopped before the answer was finished.',
      actions: ['continue'],
    });
  });

  test('says once what happened, and has one action', () => {
    expect(noteOf('failed', '', 'model_failed')).toEqual({
      isError: true,
      text: 'The model failed to answer.',
      actions: ['regenerate'],
    });
    expect(noteOf('failed', 'Half', 'model_failed')).toEqual({
      isError: true,
      text: 'The connection to the model was lost.',
      actions: ['continue'],
    });
    expect(noteOf('failed', '', 'store_unavailable')?.text).toBe('It broke.');
    const advice = 'The model was not found. Please contact your administrator.';
    expect(noteOf('failed', '', 'model_not_found', advice)?.text).toBe(advice);
  });

  test('offers what helps if trying again does not', () => {
    expect(noteOf('failed', '', 'model_content_filter')?.actions).toEqual(['edit']);
    expect(noteOf('failed', 'I can’t.', 'model_refused')?.actions).toEqual(['edit']);
    expect(noteOf('failed', '', 'model_parameter_refused')?.actions).toEqual(['settings']);
  });

  test.each(['', ' \n\u00a0'])('says that an answer is empty: “%s”', (content) => {
    expect(noteOf('complete', content)).toEqual({
      isError: false,
      text: 'The model sent an empty answer.',
      actions: ['regenerate'],
    });
  });

  test('says why an answer was truncated, if the reason is known', () => {
    expect(noteOf('truncated', 'Half', 'turn_too_long', 'Why.')).toMatchObject({
      isError: false,
      text: 'Why.',
      actions: ['continue'],
    });
    expect(noteOf('truncated', 'Half')?.text).toBe('The answer reached its length limit.');
  });

  test('says that the maximum length of the chat was reached, unless the answer is much shorter', () => {
    const truncated = { ...toThreadMessage(message(2, { status: 'truncated' })), tokenCount: 48 };
    expect(statusNoteOf(truncated, 50)).toMatchObject({
      text: 'This answer reached the maximum length set for this chat.',
      actions: ['continue', 'answer-length'],
    });
    expect(statusNoteOf(truncated, 4000)?.text).toBe('The answer reached its length limit.');
  });

  test('offers to send a rejected message again, or a long one as a file', () => {
    expect(unsentNote('rate_limited')).toMatchObject({
      text: 'Too many requests.',
      actions: ['send-again', 'edit'],
    });
    expect(unsentNote('message_too_long')?.actions).toEqual(['edit', 'attach']);
  });

  test('is null for a complete message', () => {
    expect(statusNoteOf(toThreadMessage(message(2)))).toBeNull();
    expect(statusNoteOf(toThreadMessage(message(1, { content: '' })))).toBeNull();
  });
});
