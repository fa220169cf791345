import { call } from './http';
import type { Account, Credentials, Me, PasswordChange, SignedInSessions } from './types';

/** Signing in and out, and the sessions of the user. */
export interface AccountApi {
  me(): Promise<Me>;
  signIn(credentials: Credentials): Promise<Account>;
  /** Also signs the user in, and ends the sessions on other devices. */
  changePassword(change: PasswordChange): Promise<Account>;
  signOut(): Promise<void>;
  sessions(): Promise<SignedInSessions>;
  endSession(id: string): Promise<void>;
  endOtherSessions(): Promise<void>;
}

export const accountApi: AccountApi = {
  me: () => call('GET', '/me'),
  signIn: (credentials) => call('POST', '/auth/sign-in', credentials),
  changePassword: (change) => call('POST', '/auth/password', change),
  signOut: () => call('POST', '/auth/sign-out'),
  sessions: () => call('GET', '/me/sessions'),
  endSession: (id) => call('DELETE', `/me/sessions/${encodeURIComponent(id)}`),
  endOtherSessions: () => call('DELETE', '/me/sessions'),
};
