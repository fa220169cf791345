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
const retryFile = vi.fn();
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
    models: () => Promise.resolve([]),
    conversations: () => Promise.resolve({ conversations: [], next_cursor: null }),
    conversation: () => Promise.reject(new Error('not used in these tests')),
  };
  const fileApi = { list: () => Promise.resolve([]), retry: retryFile };
  const clients = {
    accountApi: { me: () => Promise.resolve({ auth: 'none', account: null }) },
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

describe('a question about a file', () => {
  const line = 'Please analyse the file "sea.txt".';
  const file = {
    job_id: 'j1',
    conversation_id: id,
    file_name: 'sea.txt',
    status: 'complete',
    message_id: 'm2',
    question_id: 'm1',
  } as FileJob;

  beforeEach(async () => {
    retryFile.mockReset();
    retryFile.mockResolvedValue({});
    const versions = ['m1', 'm3'];
    newestPage = page([
      message(3, { parent_id: null, content: `${line}\n\nWhich?`, versions }),
      message(4),
    ]);
    app.files.analysed.add([file]);
    receive(conversationUpdated('branch'));
    await expect.poll(visibleContents).toHaveLength(2);
    await expect.poll(() => visibleContents()[0]).toContain('Which?');
  });

  test('is edited by another analysis for the new instructions', async () => {
    app.turnActions.editLastQuestion();
    expect(edit()).toMatchObject({ messageId: 'm3', text: 'Which?' });
    app.turnActions.saveEditDraft('When?');

    app.turnActions.saveEdit('When?');

    expect(edit()?.isSent).toBe(true);
    await expect.poll(edit).toBeNull();
    expect(retryFile.mock.calls).toEqual([[id, 'j1', 'When?']]);
    expect(sentFrames('edit_message')).toEqual([]);
    expect(app.files.forConversation(id)).toMatchObject([{ phase: 'running' }]);
    app.turnActions.beginEdit('m3');
    expect(edit()?.text).toBe('Which?');
  });

  test('is edited to the default analysis by an empty text', async () => {
    app.turnActions.beginEdit('m3');
    app.turnActions.saveEdit('');

    await expect.poll(edit).toBeNull();
    expect(retryFile.mock.calls).toEqual([[id, 'j1', '']]);
  });

  test('stays open with the reason if the server refuses the instructions', async () => {
    retryFile.mockRejectedValue(new Error('too long'));
    app.turnActions.beginEdit('m3');
    app.turnActions.saveEdit('When?');

    await expect.poll(() => edit()?.problem).not.toBeNull();
    expect(edit()).toMatchObject({ text: 'When?', isSent: false });
    expect(app.files.forConversation(id)).toEqual([]);
  });

  test('is analysed again for its own instructions, also if it is not the newest version', async () => {
    app.turnActions.regenerate('m4');

    await expect.poll(() => retryFile.mock.calls).toEqual([[id, 'j1', 'Which?']]);
    expect(sentFrames('regenerate')).toEqual([]);
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
