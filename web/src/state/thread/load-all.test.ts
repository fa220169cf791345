import { expect, test } from 'vitest';

import type { MessagePage } from '../../api/types';
import { isComplete, loadAll } from './load-all';
import { PAGE_SIZE } from './pages';
import { message } from './testing';
import { type FetchPage, Thread } from './thread';

/** A thread of `count` messages whose newest page is loaded. */
function threadOf(count: number, onfetch: () => void = () => {}): Thread {
  const fetchPage: FetchPage = async (before) => {
    onfetch();
    return pageBefore(before ?? count + 1);
  };
  const thread = new Thread('c', 'loading', fetchPage);
  thread.load(pageBefore(count + 1));
  return thread;
}

function pageBefore(before: number): MessagePage {
  const first = Math.max(1, before - PAGE_SIZE);
  const messages = Array.from({ length: before - first }, (_, index) => message(first + index));
  return { messages, next_before: first > 1 ? first : null, running_turn: null, event_seq: 0 };
}

test('loads all pages, also while the user is scrolling up', async () => {
  const thread = threadOf(260);
  const scrolling = thread.loadOlder();

  expect(await loadAll(thread)).toBe(true);
  await scrolling;

  const positions = thread.state.value.messages.map(({ position }) => position);
  expect(positions).toEqual(Array.from({ length: 260 }, (_, index) => index + 1));
});

test('loads the messages between a search hit and the newest ones', async () => {
  const thread = threadOf(260);
  await thread.showMessage(30);
  expect(isComplete(thread)).toBe(false);

  expect(await loadAll(thread)).toBe(true);

  expect(thread.state.value.messages).toHaveLength(260);
});

test('reports that a page can’t be loaded', async () => {
  const thread = threadOf(260, () => {
    throw new Error('offline');
  });

  expect(await loadAll(thread)).toBe(false);
});
