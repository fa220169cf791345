import { beforeEach, describe, expect, test, vi } from 'vitest';

import { Outbox } from './outbox';
import { LiveSocket } from './socket';
import type { ServerEvent } from './types';

class FakeWebSocket extends EventTarget {
  readonly sent: unknown[] = [];

  send(frame: string): void {
    this.sent.push(JSON.parse(frame));
  }

  close(): void {}

  emitOpen(): void {
    this.dispatchEvent(new Event('open'));
  }

  emitClose(): void {
    this.dispatchEvent(new Event('close'));
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
  live = new LiveSocket(open, new Outbox(localStorage), () => 1);
  live.onevent = (event) => received.push(event);
  live.connect();
});

const latest = () => sockets.at(-1) as FakeWebSocket;
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

    expect(latest().sent).toEqual([
      { event: 'subscribe', data: { conversation_id: 'c', after: 7 } },
    ]);
  });

  test('is not followed by a cancelled subscription', () => {
    latest().emitOpen();
    live.subscribe('c', 3);
    live.unsubscribe('c');
    latest().emitClose();
    vi.advanceTimersByTime(500);

    latest().emitOpen();

    expect(latest().sent).toEqual([]);
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
    expect(latest().sent).toEqual([]);
    latest().emitOpen();
    expect(latest().sent).toEqual([{ event: 'send_message', data: hello }]);
    latest().emitClose();
    vi.advanceTimersByTime(500);

    latest().emitOpen();

    expect(latest().sent).toEqual([{ event: 'send_message', data: hello }]);
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

    expect(latest().sent).toEqual([]);
    expect(live.outbox.forConversation('c')).toMatchObject([
      { client_message_id: 'm2', refused: 'Too long.' },
    ]);
  });

  test('survives a reload', () => {
    live.send(hello);

    expect(new Outbox(localStorage).pending()).toMatchObject([hello]);
  });
});
