import { describe, expect, test, vi } from 'vitest';

import { Outbox } from '../api/outbox';
import { LiveSocket, type WebSocketLike } from '../api/socket';
import type { ServerEvent } from '../api/types';
import { Drafts } from '../state/composer/drafts';
import { conversation } from '../state/conversations/testing';
import { App } from './app';

type Listener = (event: never) => void;

/** A fake connection, controlled by the test. */
class FakeConnection implements WebSocketLike {
  readonly #listeners = new Map<string, Listener>();

  send(): void {}

  close(): void {}

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, listener);
  }

  emit(type: 'open' | 'message' | 'close', event: object = {}): void {
    this.#listeners.get(type)?.(event as never);
  }

  receive(frame: ServerEvent): void {
    this.emit('message', { data: JSON.stringify(frame) });
  }
}

const tides = conversation('c', { title: 'Tides' });

async function connectedApp() {
  const connections: FakeConnection[] = [];
  const open = () => {
    const connection = new FakeConnection();
    connections.push(connection);
    return connection;
  };
  const socket = new LiveSocket(open, new Outbox(null), () => 0);
  const api = {
    config: vi.fn(() => Promise.resolve(null)),
    conversations: vi.fn(() => Promise.resolve({ conversations: [], next_cursor: null })),
  };
  const clients = { conversationApi: api, contextApi: {} } as never;
  const app = new App(clients, socket, new Drafts(null), null, history);
  await app.start('');
  await vi.waitFor(() => expect(app.conversations.active.state.value.phase).toBe('ready'));
  connections.at(-1)?.emit('open');
  return { app, api, socket, connections };
}

describe('a connected page', () => {
  test('applies list changes made in other tabs', async () => {
    const { app, connections } = await connectedApp();
    const titles = () => app.conversations.active.state.value.items.map(({ title }) => title);
    connections.at(-1)?.receive({ event: 'conversation_listed', data: { conversation: tides } });
    expect(titles()).toEqual(['Tides']);

    const renamed = { ...tides, title: 'The sea' };
    connections.at(-1)?.receive({ event: 'conversation_listed', data: { conversation: renamed } });
    expect(titles()).toEqual(['The sea']);
    const archived = { ...renamed, archived: true };
    connections.at(-1)?.receive({ event: 'conversation_listed', data: { conversation: archived } });
    expect(titles()).toEqual([]);
    connections.at(-1)?.receive({ event: 'conversation_unlisted', data: { conversation_id: 'c' } });

    expect(app.conversations.find('c')).toBeUndefined();
  });

  test('reloads the list after reconnecting', async () => {
    const { api, connections } = await connectedApp();
    expect(api.conversations).toHaveBeenCalledTimes(1);
    connections.at(-1)?.emit('close', { code: 1006 });
    await vi.waitFor(() => expect(connections).toHaveLength(2));
    connections.at(-1)?.emit('open');

    expect(api.conversations).toHaveBeenCalledTimes(2);
  });

  test('distinguishes a restarting server from an unreachable one', async () => {
    const { socket, connections } = await connectedApp();
    connections.at(-1)?.emit('close', { code: 1012 });
    expect(socket.connection.value).toBe('restarting');
    await vi.waitFor(() => expect(connections).toHaveLength(2));
    connections.at(-1)?.emit('close', { code: 1006 });

    expect(socket.connection.value).toBe('restarting');
  });

  test('shows a rate limit error until the limit expires', async () => {
    const { app, connections } = await connectedApp();
    const error = {
      message: 'Too fast.',
      code: 'rate_limited',
      retry_after_ms: 5000,
      request_id: 'r1',
    };
    connections.at(-1)?.receive({ event: 'error', data: { ...error, conversation_id: 'c' } });

    expect(app.notice.value).toBe('Too fast.');
    expect(app.notice.expiresAt).toBeGreaterThan(Date.now());
  });
});
