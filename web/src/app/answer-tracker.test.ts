import { beforeEach, describe, expect, test, vi } from 'vitest';

import type { AnswerState } from '../api/conversation-api';
import type { Conversation } from '../api/types';
import { TextStorage } from '../state/storage';
import { AnswerMarks } from '../state/conversations/answer-marks';
import type { ConversationListState } from '../state/conversations/conversation-list';
import { conversation } from '../state/conversations/testing';
import { Store } from '../state/store';
import { message, messageAccepted, page, responseEnd } from '../state/thread/testing';
import { Thread } from '../state/thread/thread';
import { AnswerTracker } from './answer-tracker';

let isVisible: boolean;
let answerState: AnswerState;

function setUp(marks = new AnswerMarks(new TextStorage(localStorage))) {
  const thread = new Store(new Thread(null, 'new'));
  const list = new Store<ConversationListState>({ phase: 'loading', items: [], nextCursor: null });
  const fetchState = vi.fn(() => Promise.resolve(answerState));
  const tracker = new AnswerTracker(marks, thread, list, fetchState, () => isVisible);
  const show = (...items: Conversation[]) => list.set({ phase: 'ready', items, nextCursor: null });
  const open = (id: string | null) => {
    const opened = new Thread(id, id === null ? 'new' : 'loading');
    thread.set(opened);
    if (id !== null) opened.load(page([message(1), message(2)]));
    return opened;
  };
  return { marks, tracker, fetchState, show, open };
}

beforeEach(() => {
  localStorage.clear();
  isVisible = true;
  answerState = { isRunning: false, lastMessageId: 'm4' };
});

describe('the open conversation', () => {
  test('is marked while its answer is running, and not when the user sees the end', () => {
    const { marks, open } = setUp();
    const thread = open('c');

    thread.apply(messageAccepted());
    expect(marks.get('c')).toBe('running');
    thread.apply(responseEnd());

    expect(marks.get('c')).toBeUndefined();
  });

  test('is unread if the answer ends in the background, until the user comes back', () => {
    const { marks, tracker, open } = setUp();
    const thread = open('c');
    thread.apply(messageAccepted());
    isVisible = false;
    thread.apply(responseEnd());
    expect(marks.get('c')).toBe('unread');

    isVisible = true;
    tracker.handleVisibility();

    expect(marks.get('c')).toBeUndefined();
  });

  test('stays seen if another tab in the background marks it', () => {
    const { marks, open } = setUp();
    open('c');

    marks.mark('c', 'unread');

    expect(marks.get('c')).toBeUndefined();
  });
});

describe('another conversation', () => {
  const before = conversation('c', { message_count: 2, total_tokens: 10 });
  const asked = { ...before, message_count: 3, total_tokens: 15 };
  const answered = { ...asked, message_count: 4, total_tokens: 90 };

  test('is marked while an answer is running there, then as unread, until it is opened', async () => {
    const { marks, show, open } = setUp();
    show(before);
    answerState = { isRunning: true, lastMessageId: 'm3' };
    show(asked);
    await expect.poll(() => marks.get('c')).toBe('running');
    answerState = { isRunning: false, lastMessageId: 'm4' };
    show(answered);
    await expect.poll(() => marks.get('c')).toBe('unread');

    open('c');

    expect(marks.get('c')).toBeUndefined();
  });

  test('is not unread if its last answer was seen before the user left', async () => {
    const { marks, fetchState, show, open } = setUp();
    show(before);
    open('c').apply(messageAccepted({ position: 3, message_id: 'm3', answer_id: 'm4' }));
    open('d');
    expect(marks.get('c')).toBe('running');
    open('c');
    open('d');
    answerState = { isRunning: false, lastMessageId: 'm2' };
    show(answered);

    await expect.poll(() => fetchState.mock.calls.length).toBe(1);
    expect(marks.get('c')).toBeUndefined();
  });

  test('is checked after a reload if an answer was running there', async () => {
    const marks = new AnswerMarks(new TextStorage(localStorage));
    marks.mark('c', 'running');
    const { show } = setUp(marks);

    show(before);

    await expect.poll(() => marks.get('c')).toBe('unread');
  });

  test('is not checked when it is only renamed', () => {
    const { fetchState, show } = setUp();
    show(before);

    show({ ...before, title: 'Tides' });

    expect(fetchState).not.toHaveBeenCalled();
  });
});
