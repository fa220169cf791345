import { msg, str } from '@lit/localize';

import type { ApiKeyScope } from '../api/types';
import { formatCount } from '../state/numbers';

/** The page on which a user signs in. */
export const signInWords = {
  heading: () => msg('Sign in'),
  name: () => msg('Name'),
  password: () => msg('Password'),
  newPassword: () => msg('New password'),
  newPasswordHint: () => msg('At least 12 characters, for example a few unrelated words.'),
  mustChange: () => msg('Please choose a new password.'),
  adopt: () => msg('Keep the chats of this browser in my account'),
  adoptHint: () => msg('Only possible when you sign in to it for the first time.'),
  signIn: () => msg('Sign in'),
  signingIn: () => msg('Signing in…'),
  changeAndSignIn: () => msg('Change and sign in'),
  cancel: () => msg('Cancel'),
  signUpHeading: () => msg('Create an account'),
  signUp: () => msg('Create account'),
  signingUp: () => msg('Creating…'),
  toSignUp: () => msg('Create an account'),
  toSignIn: () => msg('I have an account'),
  or: () => msg('or'),
  continueWith: (provider: string) => msg(str`Continue with ${provider}`),
  /** Explains the code of the reason why an identity provider has signed nobody in. */
  error: (code: string) => (SIGN_IN_ERRORS[code] ?? signInFailed)(),
  noAccount: () => msg('You have no account? Ask the administrator of this server for one.'),
};

const signInFailed = () =>
  msg('The sign-in failed. Please try again. If it fails again, contact your administrator.');

const SIGN_IN_ERRORS: Record<string, () => string> = {
  provider_unavailable: () =>
    msg('The sign-in service can’t be reached at the moment. Please try again later.'),
  sign_in_expired: () =>
    msg('That sign-in took too long or was completed before. Please try again.'),
  sign_in_denied: () => msg('The sign-in was cancelled or refused. Please try again.'),
  sign_in_failed: signInFailed,
  sign_in_not_allowed: () =>
    msg('You can’t use this server with that account. Please contact your administrator.'),
  rate_limited: () =>
    msg('There were too many sign-ins from your network. Please try again in a few minutes.'),
  account_disabled: () => msg('Your account is disabled. Please contact your administrator.'),
  sign_in_unavailable: () => msg('You can’t be signed in at the moment. Please try again later.'),
};

/** The menu items and the dialog of the account. */
export const accountWords = {
  signIn: () => msg('Sign in…'),
  account: (name: string) => msg(str`Account: ${name}`),
  administration: () => msg('Administration'),
  signOut: () => msg('Sign out'),
  heading: () => msg('Account'),
  signedInAs: (name: string) => msg(str`Signed in as ${name}.`),
  sessions: () => msg('Where you are signed in'),
  thisBrowser: () => msg('this browser'),
  signedInOn: (date: string) => msg(str`Signed in on ${date}`),
  endSession: (device: string) => msg(str`Sign out: ${device}`),
  endOthers: () => msg('Sign out everywhere else'),
  unknownDevice: () => msg('Unknown browser'),
  device: (browser: string, system: string) => msg(str`${browser} on ${system}`),
  password: () => msg('Change password'),
  currentPassword: () => msg('Current password'),
  changePassword: () => msg('Change password'),
  changing: () => msg('Changing…'),
  passwordHint: () => msg('You will be signed out on all other devices.'),
  loadFailed: () => msg('The list can’t be loaded.'),
  tryAgain: () => msg('Try again'),
};

/** The deletion of the account in its dialog. */
export const deleteAccountWords = {
  heading: () => msg('Delete account'),
  hint: () => msg('Save your chats first: nothing can be restored afterwards.'),
  exportFirst: () => msg('Export everything first'),
  ask: () => msg('Delete account…'),
  removed: () =>
    msg(
      'This deletes your account at once and forever: all chats with their files and summaries, saved copies, settings, API keys and sessions.',
    ),
  remains: () =>
    msg(
      'For a limited time, the audit log keeps that the account existed and what it did, with its name, but nothing you wrote. Backups of the server are outside of Webchat: ask its operator.',
    ),
  password: () => msg('Your password, to confirm'),
  cancel: () => msg('Cancel'),
  deleteNow: () => msg('Delete account'),
  deleting: () => msg('Deleting…'),
};

/** The API keys in the dialog of the account. */
export const apiKeyWords = {
  heading: () => msg('API keys'),
  about: () => msg('With a key, a program uses this server on your behalf.'),
  tryAgain: () => msg('Try again'),
  loadFailed: () => msg('The API keys can’t be loaded.'),
  neverExpires: () => msg('does not expire'),
  expiresOn: (date: string) => msg(str`expires on ${date}`),
  neverUsed: () => msg('never used'),
  usedOn: (date: string) => msg(str`last used on ${date}`),
  revoke: () => msg('Revoke'),
  revokeKey: (name: string) => msg(str`Revoke: ${name}`),
  revokeWarning: () => msg('Programs with this key will stop working.'),
  cancel: () => msg('Cancel'),
  copyNow: () => msg('Copy the key now. It can’t be shown again.'),
  copy: () => msg('Copy key'),
  done: () => msg('Done'),
  name: () => msg('Name of a new key'),
  scopes: () => msg('What programs with the key may do'),
  scope: (scope: ApiKeyScope) => SCOPES[scope](),
  noScope: () => msg('Please choose what programs with the key may do.'),
  lifetime: () => msg('Expires after'),
  days: (days: number) => (days === 0 ? msg('Never') : formatCount(days, 'day')),
  password: () => msg('Your password'),
  add: () => msg('Add key'),
};

const SCOPES: Record<ApiKeyScope, () => string> = {
  read: () => msg('Read, search and follow chats'),
  chat: () => msg('Send messages, and change and delete chats'),
  files: () => msg('Analyse files'),
  export: () => msg('Export chats'),
  admin: () => msg('Manage users, and read the audit log'),
};
