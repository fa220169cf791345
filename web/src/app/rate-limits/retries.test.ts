import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Outbox } from '../../api/connection/outbox';
import { LiveSocket } from '../../api/connection/socket';
import { TextStorage } from '../../state/storage';
import { Store } from '../../state/store';
import { Thread } from '../../state/thread/thread';
import { Retries } from './retries';

function setUp() {
  const socket = new LiveSocket(
    () => new EventTarget() as never,
    new Outbox(new TextStorage(null)),
  );
  const send = vi.spyOn(socket, 'send');
  const thread = new Thread('c', 'ready');
  const retries = new Retries(socket, new Store(thread));
  socket.send({ message: 'why?', conversation_id: 'c', client_message_id: 'name1' });
  thread.addOptimistic('name1', 'why?');
  send.mockClear();
  const rejectUntil = (retryAt: number) => {
    socket.outbox.reject('name1', 'Too many requests.', 'rate_limited');
    thread.reject('name1', { message: 'Too many requests.', code: 'rate_limited', retryAt });
    retries.schedule('c', 'name1', retryAt);
  };
  return { socket, send, thread, retries, rejectUntil };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a message that came too early is sent again when the server accepts it', () => {
  const { send, thread, rejectUntil } = setUp();
  rejectUntil(Date.now() + 3000);

  vi.advanceTimersByTime(2999);
  expect(send).not.toHaveBeenCalled();
  expect(thread.find('name1')).toMatchObject({ status: 'unsent', content: 'why?' });
  vi.advanceTimersByTime(1);

  expect(send).toHaveBeenCalledExactlyOnceWith({
    message: 'why?',
    conversation_id: 'c',
    client_message_id: 'name1',
  });
  expect(thread.find('name1')).toMatchObject({ status: 'sending', problem: null });
});

test('cancelling keeps the message unsent, with its text', () => {
  const { send, thread, retries, rejectUntil } = setUp();
  rejectUntil(Date.now() + 3000);

  retries.cancel('name1');
  vi.advanceTimersByTime(10_000);

  expect(send).not.toHaveBeenCalled();
  expect(thread.find('name1')).toMatchObject({
    status: 'unsent',
    content: 'why?',
    problem: { retryAt: null },
  });
});

test('a message that was withdrawn in the meantime is not sent', () => {
  const { socket, send, rejectUntil } = setUp();
  rejectUntil(Date.now() + 3000);

  socket.outbox.remove('name1');
  vi.advanceTimersByTime(10_000);

  expect(send).not.toHaveBeenCalled();
});
