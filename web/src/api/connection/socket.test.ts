import { beforeEach, describe, expect, test, vi } from 'vitest';

import { TextStorage } from '../../state/storage';
import { Outbox } from './outbox';
import { LiveSocket } from './socket';
import type { ServerEvent } from '../types';

class FakeWebSocket extends EventTarget {
  readonly sent: unknown[] = [];

  send(frame: string): void {
    this.sent.push(JSON.parse(frame));
  }

  close(): void {}

  emitOpen(): void {
    this.dispatchEvent(new Event('open'));
  }

  emitClose(code = 1006): void {
    this.dispatchEvent(Object.assign(new Event('close'), { code }));
  }

  receive(event: string, data: object): void {
    const frame = JSON.stringify({ event, data });
    this.dispatchEvent(Object.assign(new Event('message'), { data: frame }));
  }
}

let sockets: FakeWebSocket[];
let live: LiveSocket;
let received: ServerEvent[];

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  sockets = [];
  received = [];
  const open = () => {
    const socket = new FakeWebSocket();
    sockets.push(socket);
    return socket as never;
  };
  live = new LiveSocket(open, new Outbox(new TextStorage(localStorage)), () => 1);
  live.onevent = (event) => received.push(event);
  live.connect();
});

const latest = () => sockets.at(-1) as FakeWebSocket;
/** The frames that were sent, without pings. */
const sent = () => latest().sent.filter((frame) => (frame as { event: string }).event !== 'ping');
const sentMessages = () =>
  (sent() as { data: { message?: string } }[]).map(({ data }) => data.message).filter(Boolean);
const hello = { message: 'hello', conversation_id: 'c', client_message_id: 'm1' };
const chunk = (seq: number) => ({ conversation_id: 'c', seq, chunk: 'x', turn_id: 't' });

describe('a lost connection', () => {
  test('is reopened with exponential backoff', () => {
    for (const delay of [500, 1000, 2000, 4000, 8000, 15_000, 15_000]) {
      const count = sockets.length;
      latest().emitClose();
      expect(live.connection.value).toBe('reconnecting');
      vi.advanceTimersByTime(delay - 1);
      expect(sockets).toHaveLength(count);
      vi.advanceTimersByTime(1);
      expect(sockets).toHaveLength(count + 1);
    }
    latest().emitOpen();
    expect(live.connection.value).toBe('connected');
  });

  test('is followed by subscriptions that resume after the last event', () => {
    latest().emitOpen();
    live.subscribe('c', 3);
    latest().receive('response_chunk', chunk(7));
    latest().emitClose();
    vi.advanceTimersByTime(500);

    latest().emitOpen();

    expect(sent()).toEqual([{ event: 'subscribe', data: { conversation_id: 'c', after: 7 } }]);
  });

  test('is not followed by a cancelled subscription', () => {
    latest().emitOpen();
    live.subscribe('c', 3);
    live.unsubscribe('c');
    latest().emitClose();
    vi.advanceTimersByTime(500);

    latest().emitOpen();

    expect(sent()).toEqual([]);
  });

  test('is ignored, even if frames still arrive on it', () => {
    latest().emitOpen();
    const old = latest();
    old.emitClose();
    vi.advanceTimersByTime(500);

    old.receive('response_chunk', chunk(1));

    expect(received).toEqual([]);
  });
});

describe('a message', () => {
  test('is sent after connecting, and again with the same id after reconnecting', () => {
    live.send(hello);
    expect(sent()).toEqual([]);
    latest().emitOpen();
    expect(sent()).toEqual([{ event: 'send_message', data: hello }]);
    latest().emitClose();
    vi.advanceTimersByTime(500);

    latest().emitOpen();

    expect(sent()).toEqual([{ event: 'send_message', data: hello }]);
  });

  test('is not sent again once it is accepted or rejected', () => {
    latest().emitOpen();
    live.send(hello);
    live.send({ ...hello, client_message_id: 'm2' });
    latest().receive('message_accepted', { conversation_id: 'c', seq: 1, client_message_id: 'm1' });
    latest().receive('error', { message: 'Too long.', code: 'x', client_message_id: 'm2' });
    latest().emitClose();
    vi.advanceTimersByTime(500);

    latest().emitOpen();

    expect(sent()).toEqual([]);
    expect(live.outbox.forConversation('c')).toMatchObject([
      { client_message_id: 'm2', refused: 'Too long.' },
    ]);
  });

  test('survives a reload', () => {
    live.send(hello);

    expect(new Outbox(new TextStorage(localStorage)).pending()).toMatchObject([hello]);
  });

  test('waits until the answer before it is complete', () => {
    latest().emitOpen();
    live.send(hello);
    live.send({ ...hello, message: 'and then?', client_message_id: 'm2' });
    expect(sent()).toHaveLength(1);

    const accepted = { conversation_id: 'c', seq: 1, client_message_id: 'm1' };
    latest().receive('message_accepted', accepted);
    expect(sent()).toHaveLength(1);
    latest().receive('response_end', { conversation_id: 'c', seq: 2 });

    expect(sentMessages()).toEqual(['hello', 'and then?']);
  });

  test('that comes too early stays in the outbox, and is sent when the answer is complete', () => {
    latest().emitOpen();
    live.send(hello);
    const error = { message: 'An answer is running.', code: 'turn_in_progress' };
    latest().receive('error', { ...error, conversation_id: 'c', client_message_id: 'm1' });
    expect(received).toEqual([]);
    expect(live.outbox.pending()).toHaveLength(1);

    latest().receive('response_end', { conversation_id: 'c', seq: 2 });

    expect(sentMessages()).toEqual(['hello', 'hello']);
  });

  test('of a closed tab is sent by another one, but not while its own tab may send it', () => {
    latest().emitOpen();
    const otherTab = new Outbox(new TextStorage(localStorage));
    otherTab.put(hello);
    live.sendPending();
    expect(sent()).toEqual([]);

    vi.advanceTimersByTime(5000);
    expect(sent()).toEqual([{ event: 'send_message', data: hello }]);
    latest().receive('message_accepted', { conversation_id: 'c', client_message_id: 'm1' });

    expect(otherTab.pending()).toEqual([]);
  });

  test('of a new chat is sent once its conversation exists', () => {
    latest().emitOpen();
    live.send({ ...hello, conversation_id: null, start_key: 'k' });
    expect(sent()).toEqual([]);

    live.outbox.assign('k', 'c');
    live.sendPending();

    expect(sent()).toEqual([{ event: 'send_message', data: hello }]);
  });
});

describe('a dead connection', () => {
  test('is noticed within 15 seconds, and replaced', () => {
    latest().emitOpen();

    vi.advanceTimersByTime(15_000);

    expect(sockets).toHaveLength(2);
    expect(live.connection.value).toBe('reconnecting');
  });

  test('is noticed five seconds after the user returns, or sends a message', () => {
    for (const act of [() => live.check(), () => live.send(hello)]) {
      latest().emitOpen();
      act();
      vi.advanceTimersByTime(4900);
      expect(live.connection.value).toBe('connected');
      vi.advanceTimersByTime(300);
      expect(live.connection.value).toBe('reconnecting');
      vi.advanceTimersByTime(500);
    }
  });

  test('is not assumed while anything arrives', () => {
    latest().emitOpen();
    for (let second = 0; second < 60; second += 1) {
      vi.advanceTimersByTime(1000);
      if (latest().sent.length > 0) latest().receive('pong', {});
    }

    expect(sockets).toHaveLength(1);
  });

  test('is not assumed while a long message is sent over a slow line', () => {
    latest().emitOpen();
    live.send({ ...hello, message: 'x'.repeat(500_000) });

    vi.advanceTimersByTime(40_000);

    expect(live.connection.value).toBe('connected');
  });

  test('that never opens is given up after ten seconds', () => {
    vi.advanceTimersByTime(10_000);

    expect(live.connection.value).toBe('reconnecting');
  });
});

test('the reason of a refused connection is shown until it connects', async () => {
  live.findProblem = () => Promise.resolve('too-many-connections');
  latest().emitClose();
  await vi.advanceTimersByTimeAsync(0);
  expect(live.connection.value).toBe('too-many-connections');

  await vi.advanceTimersByTimeAsync(500);
  expect(live.connection.value).toBe('too-many-connections');
  latest().emitOpen();

  expect(live.connection.value).toBe('connected');
});

test('when the session ends, the reason is found at once', () => {
  live.findProblem = vi.fn(() => Promise.resolve(null));
  latest().emitOpen();

  latest().emitClose(4401);

  expect(live.findProblem).toHaveBeenCalledOnce();
});
