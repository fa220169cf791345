import { beforeEach, expect, test } from 'vitest';

import type { Model } from '../../api/types';
import { TextStorage } from '../storage';
import { Models } from './models';

const model = (id: string, name: string | null = null): Model => ({
  id,
  name,
  max_tokens: 8000,
  reply_tokens: 2000,
});
const storage = new TextStorage(localStorage);

async function models(...ids: string[]): Promise<Models> {
  const loaded = new Models(async () => ids.map((id) => model(id, id.toUpperCase())), storage);
  await loaded.reload();
  return loaded;
}

beforeEach(() => localStorage.clear());

test('new chats start with the last choice, as long as it is available', async () => {
  const before = await models('a', 'b');
  expect(before.ofNewChats).toBeNull();

  before.choose('b');

  expect((await models('a', 'b')).ofNewChats).toBe('b');
  expect((await models('a')).ofNewChats).toBeNull();
});

test('a chat without a model of its own has the first one', async () => {
  const loaded = await models('a', 'b');

  expect(loaded.ofChat(null)).toBe('a');
  expect(loaded.ofChat('b')).toBe('b');
  expect(loaded.ofChat('withdrawn')).toBe('withdrawn');
  expect(loaded.isAvailable('withdrawn')).toBe(false);
  expect([loaded.nameOf('b'), loaded.nameOf('withdrawn')]).toEqual(['B', 'withdrawn']);
});

test('the list is kept while the server can’t be reached', async () => {
  let isReachable = true;
  const load = async () => {
    if (!isReachable) throw new Error('offline');
    return [model('a'), model('b')];
  };
  const loaded = new Models(load, storage);
  await loaded.reload();
  isReachable = false;

  await loaded.reload();

  expect(loaded.isChoice).toBe(true);
});
