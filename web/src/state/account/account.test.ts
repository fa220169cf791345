import { expect, test, vi } from 'vitest';

import type { AccountApi } from '../../api/account-api';
import type { Me } from '../../api/types';
import { TextStorage } from '../storage';
import { AccountStore } from './account';

const ALICE = {
  name: 'alice',
  role: 'user',
  groups: [] as string[],
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
    signInMethods: vi.fn(async () => ({ password: true, providers: [] })),
    erase: vi.fn(async () => undefined),
    signOut: vi.fn<() => Promise<{ sign_out_url: string } | undefined>>(async () => undefined),
  };
  const storage = new TextStorage(localStorage);
  localStorage.clear();
  const reload = vi.fn();
  const leave = vi.fn();
  return {
    api,
    account: new AccountStore(api as unknown as AccountApi, storage, reload, leave),
    storage,
    reload,
    leave,
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

test.each([
  [true, true, true],
  [true, false, false],
  [false, true, false],
])(
  'with a password (%s) on a server that accepts passwords (%s), it can be changed: %s',
  async (hasPassword, isAccepted, canChange) => {
    const { account, api } = setUp({
      auth: 'required',
      account: { ...ALICE, has_password: hasPassword },
      known_by: 'session',
      has_conversations: true,
      can_sign_up: false,
    });
    api.signInMethods.mockResolvedValue({ password: isAccepted, providers: [] });
    await account.load();

    expect(await account.canChangePassword()).toBe(canChange);
  },
);

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

test('a user who deletes the account leaves nothing in the browser, and a refusal changes nothing', async () => {
  const { api, account, storage, reload } = setUp();
  await account.signIn('alice', 'secret', null, true);
  storage.set('draft.1', 'a draft of alice');
  reload.mockClear();
  api.erase.mockRejectedValueOnce(new Error('wrong password'));

  await expect(account.erase('wrong')).rejects.toThrow('wrong password');
  expect(storage.get('draft.1')).toBe('a draft of alice');
  await account.erase('secret');

  expect(storage.get('draft.1')).toBeNull();
  expect(reload).toHaveBeenCalledExactlyOnceWith(false);
});

const SIGNED_IN: Me = {
  auth: 'optional',
  account: ALICE,
  known_by: 'session',
  has_conversations: true,
  can_sign_up: false,
};

test('whom an identity provider has signed in keeps only own drafts of the browser', async () => {
  const { account, storage, reload } = setUp(SIGNED_IN, SIGNED_IN);

  storage.set('draft', 'of a visitor');
  await account.load();
  expect(storage.get('draft')).toBe('of a visitor');
  expect(reload).not.toHaveBeenCalled();

  const later = setUp(SIGNED_IN);
  later.storage.set('user', 'bob');
  later.storage.set('draft', 'of Bob');
  await later.account.load();
  expect(later.storage.get('draft')).toBeNull();
  expect(later.reload).toHaveBeenCalledWith(false);
});

test('a provider is asked to send the browser back, and signing out leads there', async () => {
  const { account, api, leave, reload } = setUp(SIGNED_IN);

  account.signInWith('entra', 'c/1', true);
  expect(leave).toHaveBeenLastCalledWith(
    'api/v1/auth/oidc/entra?return_to=%2Fc%2F1&adopt_conversations=true',
  );
  api.signOut.mockResolvedValueOnce({ sign_out_url: 'https://login.example/logout' });
  await account.signOut();
  expect(leave).toHaveBeenLastCalledWith('https://login.example/logout');
  expect(reload).not.toHaveBeenCalled();
});
