import { beforeEach, describe, expect, test } from 'vitest';

import { App, type Calls } from './app';
import type { MessagePage } from '../api/types';
import { LiveSocket } from '../api/socket';
import { Drafts } from '../state/composer/drafts';
import { Outbox } from '../api/outbox';
import { accepted, chunk, ended, message, page, updated } from '../state/thread/testing';

class FakeWebSocket extends EventTarget {
  readonly said: { event: string; data: Record<string, unknown> }[] = [];

  send(frame: string): void {
    this.said.push(JSON.parse(frame));
  }

  close(): void {}

  hears(frame: object): void {
    const told = new Event('message');
    this.dispatchEvent(Object.assign(told, { data: JSON.stringify(frame) }));
  }
}

let socket: FakeWebSocket;
let app: App;
/** What the server answers when the newest page is read. */
let newest: MessagePage;
let reads: number;

function newApp(): App {
  const live = new LiveSocket(
    () => {
      socket = new FakeWebSocket();
      return socket as never;
    },
    new Outbox(localStorage),
    () => 1,
  );
  const api = {
    messages: () => {
      reads += 1;
      return Promise.resolve(newest);
    },
    summaryThrough: () => Promise.resolve(0),
    config: () => Promise.resolve(null),
    conversations: () => Promise.resolve({ conversations: [], next_cursor: null }),
    conversation: () => Promise.reject(new Error('not asked for here')),
  };
  const fileApi = { list: () => Promise.resolve([]) };
  const calls = { api, fileApi, libraryApi: {}, contextApi: {} } as unknown as Calls;
  const address = { pushState: () => {}, replaceState: () => {} };
  return new App(calls, live, new Drafts(localStorage), null, address);
}

const path = '/c/00000000-0000-7000-8000-000000000001';
const id = path.slice(3);
const said = (event: string) => socket.said.filter((frame) => frame.event === event);
const shown = () => app.thread.value.state.value.messages.map(({ content }) => content);
const hear = ({ event, data }: { event: string; data: object }) =>
  socket.hears({ event, data: { ...data, conversation_id: id } });

beforeEach(async () => {
  localStorage.clear();
  reads = 0;
  newest = page([message(1), message(2, { status: 'stopped' })]);
  app = newApp();
  await app.start(path);
  socket.dispatchEvent(new Event('open'));
});

describe('a question that is changed', () => {
  test('is asked as a version of the old one, and shown with its own answer', async () => {
    app.turns.beginEdit('m1');
    app.turns.saveEdit('how?');
    const data = said('edit_message')[0]?.data;
    expect(data).toMatchObject({ conversation_id: id, message_id: 'm1', message: 'how?' });

    newest = page([message(3, { parent_id: null, content: 'how?', versions: ['m1', 'm3'] })], {
      running_turn: 't2',
    });
    hear(updated('branch'));
    const turn = { message_id: 'm3', answer_id: 'm4', position: 3, turn_id: 't2', content: 'how?' };
    hear(accepted({ ...turn, client_message_id: String(data?.['client_message_id']) }));
    hear(chunk('So.', 't2'));

    await expect.poll(shown).toEqual(['how?', 'So.']);
    expect(app.thread.value.find('m3')?.versions).toEqual(['m1', 'm3']);
    expect(app.thread.value.state.value.editing).toBeNull();
    expect(app.socket.outbox.of(id)).toEqual([]);
  });

  test('that is refused stays open, and goes again under the same name', () => {
    app.turns.beginEdit('m1');
    app.turns.saveEdit('how?');
    const name = said('edit_message')[0]?.data['client_message_id'];
    hear({
      event: 'error',
      data: {
        message: 'An answer is being made.',
        code: 'turn_in_progress',
        client_message_id: name,
      },
    });
    expect(app.thread.value.state.value.editing).toMatchObject({
      isSent: false,
      problem: { message: 'An answer is being made.' },
    });

    app.turns.saveEdit('how then?');

    expect(said('edit_message').map(({ data }) => data['client_message_id'])).toEqual([name, name]);
  });

  test('is still open after a reload, if it did not get through', async () => {
    app.turns.beginEdit('m1');
    app.turns.saveEdit('how?');

    app = newApp();
    await app.start(path);
    socket.dispatchEvent(new Event('open'));

    expect(app.thread.value.state.value.editing).toMatchObject({ text: 'how?', isSent: true });
    expect(said('edit_message')).toHaveLength(1);
  });

  test('is not asked when nothing was changed, nor when it was left', () => {
    app.turns.beginEdit('m1');
    app.turns.saveEdit('message 1');
    app.turns.beginEdit('m1');
    app.turns.cancelEdit();

    expect(said('edit_message')).toEqual([]);
    expect(app.thread.value.state.value.editing).toBeNull();
  });
});

describe('an answer', () => {
  test('goes on, is made again, and gives way to another version, by its id', () => {
    app.turns.goOn('m2');
    app.turns.regenerate('m2');
    app.turns.select('m7');

    expect(socket.said.slice(-3)).toEqual([
      { event: 'continue', data: { conversation_id: id, message_id: 'm2' } },
      { event: 'regenerate', data: { conversation_id: id, message_id: 'm2' } },
      { event: 'select_version', data: { conversation_id: id, message_id: 'm7' } },
    ]);
  });

  test('is not made again later than the reader asked for it', () => {
    socket.dispatchEvent(new Event('close'));

    app.turns.regenerate('m2');

    expect(said('regenerate')).toEqual([]);
    expect(app.notice.value).toContain('no connection');
  });

  test('that another tab chose is shown here', async () => {
    newest = page([message(1), message(7, { parent_id: 'm1', versions: ['m2', 'm7'] })]);

    hear(updated('branch'));

    await expect.poll(shown).toEqual(['message 1', 'message 7']);
  });

  test('that goes on in another tab is built here as well', async () => {
    newest = page([message(1)], { running_turn: 't2' });
    hear(accepted({ client_message_id: null, turn_id: 't2' }));
    expect(shown()).toEqual(['why?', 'message 2']);
    hear(chunk('message 2', 't2'));
    hear(chunk(' and more', 't2'));
    hear(ended('m2', 't2'));

    expect(shown()).toEqual(['why?', 'message 2 and more']);
    expect(reads).toBe(1);
  });
});

test('messages that a file became are read', async () => {
  newest = page([message(1), message(2), message(3), message(4)]);

  hear({ event: 'conversation_updated', data: { seq: 5, change: 'file', job_id: 'j1' } });

  await expect.poll(shown).toHaveLength(4);
});
