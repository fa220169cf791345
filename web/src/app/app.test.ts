import { describe, expect, test, vi } from 'vitest';

import { App } from './app';
import type { Conversation, ServerFrame } from '../api/types';
import { LiveSocket, type WebSocketLike } from '../api/socket';
import { Drafts } from '../state/composer/drafts';
import { Outbox } from '../api/outbox';

type Listener = (event: never) => void;

/** A connection that the test opens, speaks through and closes. */
class Line implements WebSocketLike {
  readonly #listeners = new Map<string, Listener>();

  send(): void {}

  close(): void {}

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, listener);
  }

  happen(type: 'open' | 'message' | 'close', event: object = {}): void {
    this.#listeners.get(type)?.(event as never);
  }

  say(frame: ServerFrame): void {
    this.happen('message', { data: JSON.stringify(frame) });
  }
}

const conversation: Conversation = {
  conversation_id: 'c',
  title: 'Tides',
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
  message_count: 2,
  total_tokens: 10,
  archived: false,
};

async function page() {
  const lines: Line[] = [];
  const open = () => {
    const line = new Line();
    lines.push(line);
    return line;
  };
  const socket = new LiveSocket(open, new Outbox(null), () => 0);
  const api = {
    config: vi.fn(() => Promise.resolve(null)),
    conversations: vi.fn(() => Promise.resolve({ conversations: [], next_cursor: null })),
  };
  const calls = { api, libraryApi: {}, contextApi: {} } as never;
  const app = new App(calls, socket, new Drafts(null), null, history);
  await app.start('/');
  await vi.waitFor(() => expect(app.conversations.state.value.phase).toBe('ready'));
  lines.at(-1)?.happen('open');
  return { app, api, socket, lines };
}

describe('a page that is connected', () => {
  test('shows what another one does to the list', async () => {
    const { app, lines } = await page();
    const titles = () => app.conversations.state.value.items.map(({ title }) => title);
    lines.at(-1)?.say({ event: 'conversation_listed', data: { conversation } });
    expect(titles()).toEqual(['Tides']);

    const renamed = { ...conversation, title: 'The sea' };
    lines.at(-1)?.say({ event: 'conversation_listed', data: { conversation: renamed } });
    expect(titles()).toEqual(['The sea']);
    const archived = { ...renamed, archived: true };
    lines.at(-1)?.say({ event: 'conversation_listed', data: { conversation: archived } });
    expect(titles()).toEqual([]);
    lines.at(-1)?.say({ event: 'conversation_unlisted', data: { conversation_id: 'c' } });

    expect(app.library.find('c')).toBeUndefined();
  });

  test('reads the list again when the connection is back, and not before', async () => {
    const { api, lines } = await page();
    expect(api.conversations).toHaveBeenCalledTimes(1);
    lines.at(-1)?.happen('close', { code: 1006 });
    await vi.waitFor(() => expect(lines).toHaveLength(2));
    lines.at(-1)?.happen('open');

    expect(api.conversations).toHaveBeenCalledTimes(2);
  });

  test('knows a server that restarts from one that is lost', async () => {
    const { socket, lines } = await page();
    lines.at(-1)?.happen('close', { code: 1012 });
    expect(socket.connection.value).toBe('restarting');
    await vi.waitFor(() => expect(lines).toHaveLength(2));
    lines.at(-1)?.happen('close', { code: 1006 });

    expect(socket.connection.value).toBe('restarting');
  });

  test('says how long a limit holds', async () => {
    const { app, lines } = await page();
    const error = { message: 'Too fast.', code: 'rate_limited', retry_after_ms: 5000 };
    lines.at(-1)?.say({ event: 'error', data: { ...error, conversation_id: 'c' } });

    expect(app.notice.value).toBe('Too fast.');
    expect(app.notice.until).toBeGreaterThan(Date.now());
  });
});
