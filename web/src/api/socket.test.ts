import { beforeEach, describe, expect, test, vi } from 'vitest';

import type { ServerFrame } from './types';
import { LiveSocket } from './socket';
import { Outbox } from './outbox';

class FakeWebSocket extends EventTarget {
  readonly said: unknown[] = [];

  send(frame: string): void {
    this.said.push(JSON.parse(frame));
  }

  close(): void {}

  opens(): void {
    this.dispatchEvent(new Event('open'));
  }

  breaks(): void {
    this.dispatchEvent(new Event('close'));
  }

  hears(event: string, data: object): void {
    const frame = JSON.stringify({ event, data });
    this.dispatchEvent(Object.assign(new Event('message'), { data: frame }));
  }
}

let sockets: FakeWebSocket[];
let live: LiveSocket;
let heard: ServerFrame[];

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  sockets = [];
  heard = [];
  const open = () => {
    const socket = new FakeWebSocket();
    sockets.push(socket);
    return socket as never;
  };
  live = new LiveSocket(open, new Outbox(localStorage), () => 1);
  live.onframe = (frame) => heard.push(frame);
  live.connect();
});

const latest = () => sockets.at(-1) as FakeWebSocket;
const hello = { message: 'hello', conversation_id: 'c', client_message_id: 'm1' };
const chunk = (seq: number) => ({ conversation_id: 'c', seq, chunk: 'x', turn_id: 't' });

describe('a connection that breaks', () => {
  test('comes back, later each time', () => {
    for (const delay of [500, 1000, 2000, 4000, 8000, 15_000, 15_000]) {
      const count = sockets.length;
      latest().breaks();
      expect(live.connection.value).toBe('reconnecting');
      vi.advanceTimersByTime(delay - 1);
      expect(sockets).toHaveLength(count);
      vi.advanceTimersByTime(1);
      expect(sockets).toHaveLength(count + 1);
    }
    latest().opens();
    expect(live.connection.value).toBe('connected');
  });

  test('goes on after the last event it heard', () => {
    latest().opens();
    live.follow('c', 3);
    latest().hears('response_chunk', chunk(7));
    latest().breaks();
    vi.advanceTimersByTime(500);

    latest().opens();

    expect(latest().said).toEqual([
      { event: 'subscribe', data: { conversation_id: 'c', after: 7 } },
    ]);
  });

  test('does not go on with what is followed no more', () => {
    latest().opens();
    live.follow('c', 3);
    live.unfollow('c');
    latest().breaks();
    vi.advanceTimersByTime(500);

    latest().opens();

    expect(latest().said).toEqual([]);
  });

  test('is heard no more, even if it speaks', () => {
    latest().opens();
    const old = latest();
    old.breaks();
    vi.advanceTimersByTime(500);

    old.hears('response_chunk', chunk(1));

    expect(heard).toEqual([]);
  });
});

describe('a message', () => {
  test('is said when the connection opens, and again after a break, under the same name', () => {
    live.send(hello);
    expect(latest().said).toEqual([]);
    latest().opens();
    expect(latest().said).toEqual([{ event: 'send_message', data: hello }]);
    latest().breaks();
    vi.advanceTimersByTime(500);

    latest().opens();

    expect(latest().said).toEqual([{ event: 'send_message', data: hello }]);
  });

  test('is not said again once it is accepted or refused', () => {
    latest().opens();
    live.send(hello);
    live.send({ ...hello, client_message_id: 'm2' });
    latest().hears('message_accepted', { conversation_id: 'c', seq: 1, client_message_id: 'm1' });
    latest().hears('error', { message: 'Too long.', code: 'x', client_message_id: 'm2' });
    latest().breaks();
    vi.advanceTimersByTime(500);

    latest().opens();

    expect(latest().said).toEqual([]);
    expect(live.outbox.of('c')).toMatchObject([{ client_message_id: 'm2', refused: 'Too long.' }]);
  });

  test('survives a reload', () => {
    live.send(hello);

    expect(new Outbox(localStorage).pending()).toMatchObject([hello]);
  });
});
