import { describe, expect, test, vi } from 'vitest';

import { ApiError, offlineError } from '../api/http';
import { Outbox } from '../api/connection/outbox';
import { LiveSocket } from '../api/connection/socket';
import { Drafts } from '../state/composer/drafts';
import { TextStorage } from '../state/storage';
import { Store } from '../state/store';
import { page } from '../state/thread/testing';
import { Thread } from '../state/thread/thread';
import { type AppState, ConversationLoader } from './conversation-loader';

function setUp() {
  const messages = vi.fn(() => Promise.resolve(page([])));
  const state = {
    thread: new Store(new Thread(null, 'new')),
    files: { load: vi.fn() },
    conversations: { ensureListed: vi.fn() },
    notice: new Store(null),
    contextEditor: new Store(null),
  };
  const storage = new TextStorage(null);
  const socket = new LiveSocket(() => new EventTarget() as never, new Outbox(storage));
  const drafts = new Drafts(storage);
  const api = { messages };
  const loader = new ConversationLoader(api, socket, drafts, state as unknown as AppState);
  return { messages, loader, threadState: () => state.thread.value.state.value };
}

describe('a conversation that can’t be loaded', () => {
  test.each([
    new ApiError('The store is full.', 'storage_unavailable', null, 503),
    new ApiError('Too many requests.', 'rate_limited', null, 429),
    offlineError(),
  ])('shows the text of the error: %s', async (error) => {
    const { loader, messages, threadState } = setUp();
    messages.mockRejectedValueOnce(error);

    await loader.load('c');

    expect(threadState()).toMatchObject({ phase: 'failed', loadProblem: error.message });
  });

  test('is reported as not found if the server does not have it', async () => {
    const { loader, messages, threadState } = setUp();
    messages.mockRejectedValueOnce(new ApiError('Not found.', 'conversation_not_found', null, 404));

    await loader.load('c');

    expect(threadState().phase).toBe('not-found');
  });

  test('keeps its messages if only a reload fails', async () => {
    const { loader, messages, threadState } = setUp();
    await loader.load('c');
    messages.mockRejectedValueOnce(offlineError());

    await loader.reload();

    expect(threadState().phase).toBe('ready');
  });
});
