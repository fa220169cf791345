import { describe, expect, test, vi } from 'vitest';

import { ApiError, offlineError } from '../api/http';
import { Outbox } from '../api/connection/outbox';
import { LiveSocket, type WebSocketLike } from '../api/connection/socket';
import type { ServerEvent } from '../api/types';
import { Drafts } from '../state/composer/drafts';
import { conversation } from '../state/conversations/testing';
import { TextStorage } from '../state/storage';
import { App } from './app';

type Listener = (event: never) => void;

/** A fake connection, controlled by the test. */
class FakeConnection implements WebSocketLike {
  readonly #listeners = new Map<string, Listener>();

  readonly sent: { event: string; data: Record<string, unknown> }[] = [];

  send(frame: string): void {
    this.sent.push(JSON.parse(frame));
  }

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
  const socket = new LiveSocket(open, new Outbox(new TextStorage(null)), () => 0);
  const api = {
    config: vi.fn(() => Promise.resolve(null)),
    models: () => Promise.resolve([]),
    conversations: vi.fn(() => Promise.resolve({ conversations: [], next_cursor: null })),
    startConversation: vi.fn((_key: string) => Promise.resolve(tides)),
  };
  const fileApi = { upload: vi.fn(() => new Promise(() => {})) };
  const accountApi = { me: () => Promise.resolve({ auth: 'none', account: null }) };
  const clients = { accountApi, conversationApi: api, contextApi: {}, fileApi } as never;
  const storage = new TextStorage(null);
  const app = new App(clients, socket, new Drafts(storage), storage, history);
  await app.start('');
  await vi.waitFor(() => expect(app.conversations.active.state.value.phase).toBe('ready'));
  connections.at(-1)?.emit('open');
  return { app, api, fileApi, socket, connections };
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

const questions = ({ sent }: FakeConnection) =>
  sent.filter(({ event }) => event === 'send_message').map(({ data }) => data['message']);
const contents = (app: App) => app.thread.value.state.value.messages.map(({ content }) => content);

describe('a new chat', () => {
  test('starts one conversation for a file and two messages', async () => {
    const { app, api, fileApi, connections } = await connectedApp();

    app.attach([new File(['waves'], 'sea.txt')]);
    app.send('What is it about?');
    app.send('And then?');
    expect(contents(app)).toEqual(['What is it about?', 'And then?']);
    await vi.waitFor(() => expect(fileApi.upload).toHaveBeenCalled());

    expect(api.startConversation).toHaveBeenCalledTimes(1);
    expect(app.thread.value.conversationId).toBe('c');
    expect(contents(app)).toEqual(['What is it about?', 'And then?']);
    expect(connections.at(-1) && questions(connections.at(-1) as FakeConnection)).toEqual([
      'What is it about?',
    ]);
  });

  test('begins once, even with a double click on a suggestion', async () => {
    const { app, api } = await connectedApp();

    app.begin('Explain tides.');
    app.begin('Explain tides.');
    await vi.waitFor(() => expect(app.thread.value.conversationId).toBe('c'));

    expect(api.startConversation).toHaveBeenCalledTimes(1);
    expect(contents(app)).toEqual(['Explain tides.']);
  });

  test('keeps its message while the server is unavailable, and starts with the same key later', async () => {
    const { app, api, connections } = await connectedApp();
    connections.at(-1)?.emit('close', { code: 1006 });
    api.startConversation.mockRejectedValueOnce(offlineError());
    app.send('tides');
    await vi.waitFor(() => expect(api.startConversation).toHaveBeenCalledTimes(1));
    expect(app.thread.value.state.value.messages).toMatchObject([{ status: 'sending' }]);

    await vi.waitFor(() => expect(connections.length).toBeGreaterThan(1));
    connections.at(-1)?.emit('open');
    await vi.waitFor(() => expect(app.thread.value.conversationId).toBe('c'));

    const keys = api.startConversation.mock.calls.map(([key]) => key);
    expect(new Set(keys).size).toBe(1);
    expect(questions(connections.at(-1) as FakeConnection)).toEqual(['tides']);
  });

  test('does not take the user away from the conversation that was opened meanwhile', async () => {
    const { app, api, connections } = await connectedApp();
    let respond = (_conversation: typeof tides) => {};
    api.startConversation.mockReturnValueOnce(new Promise((resolve) => (respond = resolve)));
    app.send('tides');
    app.newChat();

    respond(tides);
    await vi.waitFor(() =>
      expect(questions(connections.at(-1) as FakeConnection)).toEqual(['tides']),
    );

    expect(app.thread.value.conversationId).toBeNull();
    expect(contents(app)).toEqual([]);
  });

  test('shows a message that the server refuses to store, with the reason', async () => {
    const { app, api } = await connectedApp();
    const error = new ApiError('The storage is full.', 'storage_limit', null, 422);
    api.startConversation.mockRejectedValueOnce(error);

    app.send('tides');

    await vi.waitFor(() =>
      expect(app.thread.value.state.value.messages).toMatchObject([
        { content: 'tides', status: 'unsent', problem: { message: 'The storage is full.' } },
      ]),
    );
  });
});
