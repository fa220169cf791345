import { expect, test, vi } from 'vitest';

import type { AccountApi } from '../../api/account-api';
import type { Me } from '../../api/types';
import { TextStorage } from '../storage';
import { AccountStore } from './account';

const ALICE = {
  name: 'alice',
  role: 'user',
  created_at: '2026-01-02T03:04:05.678Z',
  has_password: true,
} as const;

function setUp(...responses: (Me | null)[]) {
  const api = {
    me: vi.fn<() => Promise<Me>>(async () => {
      const me = responses.shift() ?? null;
      if (me === null) throw new Error('offline');
      return me;
    }),
    signIn: vi.fn(async ({ name }: { name: string }) => ({ ...ALICE, name })),
    signOut: vi.fn(async () => {}),
  };
  const storage = new TextStorage(localStorage);
  localStorage.clear();
  const reload = vi.fn();
  return {
    account: new AccountStore(api as unknown as AccountApi, storage, reload),
    storage,
    reload,
  };
}

test.each([
  ['none', false],
  ['optional', false],
  ['required', true],
] as const)('with sign-in %s, a visitor must sign in: %s', async (auth, isShown) => {
  const { account } = setUp({
    auth,
    account: null,
    known_by: null,
    has_conversations: true,
    can_sign_up: false,
  });

  await account.load();

  expect(account.state.value.isSignInShown).toBe(isShown);
});

test('a user whose session has ended is asked to sign in again', async () => {
  const { account } = setUp(
    {
      auth: 'optional',
      account: ALICE,
      known_by: 'session',
      has_conversations: true,
      can_sign_up: false,
    },
    {
      auth: 'optional',
      account: null,
      known_by: null,
      has_conversations: false,
      can_sign_up: false,
    },
  );

  await account.load();
  expect(account.state.value).toMatchObject({ account: ALICE, isSignInShown: false });
  await account.load();

  expect(account.state.value).toMatchObject({
    account: null,
    hasConversations: false,
    isSignInShown: true,
  });
});

test('while the server can’t be reached, the page works on', async () => {
  const { account } = setUp(
    {
      auth: 'required',
      account: ALICE,
      known_by: 'session',
      has_conversations: true,
      can_sign_up: false,
    },
    null,
  );

  await account.load();
  await account.load();

  expect(account.state.value).toMatchObject({ account: ALICE, isSignInShown: false });
});

test('the same user finds the drafts again, and another user does not', async () => {
  const { account, storage, reload } = setUp();
  storage.set('theme', 'dark');
  await account.signIn('alice', 'secret', null, true);
  storage.set('draft.1', 'a draft of alice');

  await account.signIn('alice', 'secret', null, true);
  expect(storage.get('draft.1')).toBe('a draft of alice');
  await account.signIn('bob', 'secret', null, false);

  expect(storage.get('draft.1')).toBeNull();
  expect(storage.get('theme')).toBe('dark');
  // Alice adopts the open chat, and finds it again. Bob must not see it.
  expect(reload.mock.calls).toEqual([[true], [true], [false]]);
});

test('a user who signs out leaves no drafts', async () => {
  const { account, storage } = setUp();
  await account.signIn('alice', 'secret', null, true);
  storage.set('draft.1', 'a draft of alice');

  await account.signOut();

  expect(storage.get('draft.1')).toBeNull();
});
