import { call } from './http';
import type {
  Account,
  AddedKey,
  ApiKeys,
  Credentials,
  Erasure,
  Me,
  NewAccount,
  NewKey,
  PasswordChange,
  SignedOut,
  SignedInSessions,
  SignInMethods,
} from './types';

/** Signing in and out, and the sessions and API keys of the user. */
export interface AccountApi {
  me(): Promise<Me>;
  signIn(credentials: Credentials): Promise<Account>;
  /** Adds an account, and signs its user in. */
  signUp(account: NewAccount): Promise<Account>;
  /** Also signs the user in, and ends the sessions on other devices. */
  changePassword(change: PasswordChange): Promise<Account>;
  /** The methods to sign in. */
  signInMethods(): Promise<SignInMethods>;
  /** Returns how to sign out of the identity provider, if the user has signed in with one. */
  signOut(): Promise<SignedOut | undefined>;
  /** Deletes the account, and signs the user out. */
  erase(password: string | null): Promise<Erasure>;
  sessions(): Promise<SignedInSessions>;
  endSession(id: string): Promise<void>;
  endOtherSessions(): Promise<void>;
  keys(): Promise<ApiKeys>;
  /** The response has the secret, which can’t be read again. */
  addKey(key: NewKey): Promise<AddedKey>;
  revokeKey(id: string): Promise<void>;
}

export const accountApi: AccountApi = {
  me: () => call('GET', '/me'),
  signIn: (credentials) => call('POST', '/auth/sign-in', credentials),
  signUp: (account) => call('POST', '/auth/sign-up', account),
  changePassword: (change) => call('POST', '/auth/password', change),
  signInMethods: () => call('GET', '/auth/providers'),
  signOut: () => call('POST', '/auth/sign-out'),
  erase: (password) => call('POST', '/me/erasure', password === null ? {} : { password }),
  sessions: () => call('GET', '/me/sessions'),
  endSession: (id) => call('DELETE', `/me/sessions/${encodeURIComponent(id)}`),
  endOtherSessions: () => call('DELETE', '/me/sessions'),
  keys: () => call('GET', '/me/keys'),
  addKey: (key) => call('POST', '/me/keys', key),
  revokeKey: (id) => call('DELETE', `/me/keys/${encodeURIComponent(id)}`),
};
