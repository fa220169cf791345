import { beforeEach, describe, expect, test, vi } from 'vitest';

import { Outbox } from '../api/connection/outbox';
import { LiveSocket } from '../api/connection/socket';
import type { FileJob, MessagePage } from '../api/types';
import { pathOf } from '../state/page/address';
import { TextStorage } from '../state/storage';
import { Drafts } from '../state/composer/drafts';
import {
  messageAccepted,
  responseChunk,
  responseEnd,
  message,
  page,
  conversationUpdated,
} from '../state/thread/testing';
import { App, type ApiClients } from './app';

class FakeWebSocket extends EventTarget {
  readonly sent: { event: string; data: Record<string, unknown> }[] = [];

  send(frame: string): void {
    this.sent.push(JSON.parse(frame));
  }

  close(): void {}

  receive(frame: object): void {
    const event = new Event('message');
    this.dispatchEvent(Object.assign(event, { data: JSON.stringify(frame) }));
  }
}

let socket: FakeWebSocket;
let app: App;
/** The newest page, as the server returns it. */
let newestPage: MessagePage;
let pageRequests: number;
const readContext = vi.fn(() => Promise.reject(new Error('not used in these tests')));

function newApp(): App {
  const storage = new TextStorage(localStorage);
  const live = new LiveSocket(
    () => {
      socket = new FakeWebSocket();
      return socket as never;
    },
    new Outbox(storage),
    () => 1,
  );
  const api = {
    messages: () => {
      pageRequests += 1;
      return Promise.resolve(newestPage);
    },
    config: () => Promise.resolve(null),
    conversations: () => Promise.resolve({ conversations: [], next_cursor: null }),
    conversation: () => Promise.reject(new Error('not used in these tests')),
  };
  const fileApi = { list: () => Promise.resolve([]) };
  const clients = {
    conversationApi: api,
    fileApi,
    contextApi: { read: readContext },
  } as unknown as ApiClients;
  const history = { pushState: () => {}, replaceState: () => {} };
  return new App(clients, live, new Drafts(storage), storage, history);
}

const id = '00000000-0000-7000-8000-000000000001';
const path = pathOf(id);
const sentFrames = (event: string) => socket.sent.filter((frame) => frame.event === event);
const edit = () => app.thread.value.state.value.edit;
const visibleContents = () => app.thread.value.state.value.messages.map(({ content }) => content);
const receive = ({ event, data }: { event: string; data: object }) =>
  socket.receive({ event, data: { ...data, conversation_id: id } });

beforeEach(async () => {
  localStorage.clear();
  pageRequests = 0;
  newestPage = page([message(1), message(2, { status: 'stopped' })]);
  app = newApp();
  await app.start(path);
  socket.dispatchEvent(new Event('open'));
});

describe('an edited question', () => {
  test('is sent as a new version, and is shown with the answer to it', async () => {
    app.turnActions.beginEdit('m1');
    app.turnActions.saveEdit('how?');
    const data = sentFrames('edit_message')[0]?.data;
    expect(data).toMatchObject({ conversation_id: id, message_id: 'm1', message: 'how?' });

    newestPage = page([message(3, { parent_id: null, content: 'how?', versions: ['m1', 'm3'] })], {
      running_turn: 't2',
    });
    receive(conversationUpdated('branch'));
    const turn = { message_id: 'm3', answer_id: 'm4', position: 3, turn_id: 't2', content: 'how?' };
    receive(messageAccepted({ ...turn, client_message_id: String(data?.['client_message_id']) }));
    receive(responseChunk('So.', 't2'));

    await expect.poll(visibleContents).toEqual(['how?', 'So.']);
    expect(app.thread.value.find('m3')?.versions).toEqual(['m1', 'm3']);
    expect(app.thread.value.state.value.edit).toBeNull();
    expect(app.socket.outbox.forConversation(id)).toEqual([]);
  });

  test('stays open when it is rejected, and is sent again with the same id', () => {
    app.turnActions.beginEdit('m1');
    app.turnActions.saveEdit('how?');
    const clientMessageId = sentFrames('edit_message')[0]?.data['client_message_id'];
    receive({
      event: 'error',
      data: {
        message: 'An answer is running.',
        code: 'turn_in_progress',
        client_message_id: clientMessageId,
      },
    });
    expect(app.thread.value.state.value.edit).toMatchObject({
      isSent: false,
      problem: { message: 'An answer is running.' },
    });

    app.turnActions.saveEdit('how then?');

    expect(sentFrames('edit_message').map(({ data }) => data['client_message_id'])).toEqual([
      clientMessageId,
      clientMessageId,
    ]);
  });

  test('is not that about a file', () => {
    app.turnActions.editLastQuestion();
    expect(edit()).toMatchObject({ messageId: 'm1' });
    app.turnActions.closeEdit();

    app.files.analysed.add([{ message_id: 'm2' } as FileJob]);
    app.turnActions.editLastQuestion();
    expect(edit()).toBeNull();
  });

  test('is still open after a reload, if it was not accepted', async () => {
    app.turnActions.beginEdit('m1');
    app.turnActions.saveEdit('how?');

    app = newApp();
    await app.start(path);
    socket.dispatchEvent(new Event('open'));

    expect(app.thread.value.state.value.edit).toMatchObject({ text: 'how?', isSent: true });
    expect(sentFrames('edit_message')).toHaveLength(1);
  });

  test('is not sent if it is unchanged or cancelled', () => {
    app.turnActions.beginEdit('m1');
    app.turnActions.saveEdit('message 1');
    app.turnActions.beginEdit('m1');
    app.turnActions.closeEdit();

    expect(sentFrames('edit_message')).toEqual([]);
    expect(app.thread.value.state.value.edit).toBeNull();
  });
});

describe('the draft of an edit', () => {
  beforeEach(() => {
    app.turnActions.beginEdit('m1');
    app.turnActions.saveEditDraft('how does');
  });

  test('is open again after a look into another conversation', async () => {
    app.newChat();
    await app.open(id);

    expect(edit()).toMatchObject({ messageId: 'm1', text: 'how does' });
  });

  test('is open again after a reload', async () => {
    app = newApp();
    await app.start(path);

    expect(edit()).toMatchObject({ messageId: 'm1', text: 'how does' });
  });

  test('is there when the question is edited again after Escape, but does not open by itself', async () => {
    app.turnActions.closeEdit();
    expect(edit()).toBeNull();
    app = newApp();
    await app.start(path);
    expect(edit()).toBeNull();

    app.turnActions.beginEdit('m1');

    expect(edit()?.text).toBe('how does');
  });

  test('is gone after it was discarded, until that is undone', () => {
    app.turnActions.discardEdit();
    app.turnActions.beginEdit('m1');
    expect(edit()?.text).toBe('message 1');
    app.turnActions.closeEdit();

    app.toasts.runAction(app.toasts.value[0]?.id ?? 0);

    expect(edit()?.text).toBe('how does');
  });

  test('is gone once the edit is sent', () => {
    app.turnActions.saveEdit('how does it work?');
    receive(messageAccepted({ client_message_id: edit()?.clientMessageId ?? null }));
    app.turnActions.beginEdit('m1');

    expect(edit()?.text).toBe('why?');
  });
});

describe('an answer', () => {
  test('is continued, regenerated or switched to another version by sending a command', () => {
    app.turnActions.continueAnswer('m2');
    app.turnActions.regenerate('m2');
    app.turnActions.selectVersion('m7');

    expect(socket.sent.slice(-3)).toEqual([
      { event: 'continue', data: { conversation_id: id, message_id: 'm2' } },
      { event: 'regenerate', data: { conversation_id: id, message_id: 'm2' } },
      { event: 'select_version', data: { conversation_id: id, message_id: 'm7' } },
    ]);
  });

  test('is not regenerated while disconnected, nor after reconnecting', () => {
    socket.dispatchEvent(new Event('close'));

    app.turnActions.regenerate('m2');

    expect(sentFrames('regenerate')).toEqual([]);
    expect(app.notice.value).toContain('not connected');
  });

  test('is replaced when another tab selects a version', async () => {
    newestPage = page([message(1), message(7, { parent_id: 'm1', versions: ['m2', 'm7'] })]);

    receive(conversationUpdated('branch'));

    await expect.poll(visibleContents).toEqual(['message 1', 'message 7']);
  });

  test('grows when another tab continues it', async () => {
    newestPage = page([message(1)], { running_turn: 't2' });
    receive(messageAccepted({ client_message_id: null, turn_id: 't2' }));
    expect(visibleContents()).toEqual(['why?', 'message 2']);
    receive(responseChunk('message 2', 't2'));
    receive(responseChunk(' and more', 't2'));
    receive(responseEnd('m2', 't2'));

    expect(visibleContents()).toEqual(['why?', 'message 2 and more']);
    expect(pageRequests).toBe(1);
  });
});

test('the messages of a file are loaded when its analysis is complete', async () => {
  newestPage = page([message(1), message(2), message(3), message(4)]);

  receive({ event: 'conversation_updated', data: { seq: 5, change: 'file', job_id: 'j1' } });

  await expect.poll(visibleContents).toHaveLength(4);
});

test('the context is loaded again after a change that may concern it', () => {
  readContext.mockClear();
  receive({ event: 'conversation_updated', data: { change: 'title', title: 'Tides' } });
  receive({ event: 'conversation_updated', data: { change: 'archived', archived: true } });
  expect(readContext).not.toHaveBeenCalled();

  receive({ event: 'conversation_updated', data: { change: 'reset' } });

  expect(readContext).toHaveBeenCalledOnce();
});
