import { afterEach, expect, test, vi } from 'vitest';

import type { AccountApi } from '../api/account-api';
import { AccountStore } from '../state/account/account';
import { TextStorage } from '../state/storage';
import './sign-in';

afterEach(() => document.body.replaceChildren());

test('identity providers appear even if the server names them after the form is shown', async () => {
  const me = {
    auth: 'required',
    account: null,
    known_by: null,
    has_conversations: false,
    can_sign_up: false,
  };
  const methods = { password: false, providers: [{ id: 'sso', name: 'Example' }] };
  const api = { me: async () => me, signInMethods: async () => methods } as unknown as AccountApi;
  const account = new AccountStore(api, new TextStorage(localStorage), () => {});
  const signIn = document.createElement('webchat-sign-in');
  signIn.account = account;
  document.body.append(signIn);
  await signIn.updateComplete;

  await account.load();

  await vi.waitFor(() => expect(signIn.textContent).toContain('Continue with Example'));
  expect(signIn.querySelector('input')).toBeNull();
});
