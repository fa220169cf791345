import { msg, str } from '@lit/localize';

/** The page on which a user signs in. */
export const signInWords = {
  heading: () => msg('Sign in'),
  name: () => msg('Name'),
  password: () => msg('Password'),
  newPassword: () => msg('New password'),
  newPasswordHint: () => msg('At least 12 characters, for example a few unrelated words.'),
  mustChange: () => msg('Please choose a new password.'),
  showPassword: () => msg('Show password'),
  adopt: () => msg('Keep the chats of this browser in my account'),
  adoptHint: () => msg('If this is the first time that you sign in to it.'),
  signIn: () => msg('Sign in'),
  signingIn: () => msg('Signing in…'),
  changeAndSignIn: () => msg('Change and sign in'),
  cancel: () => msg('Cancel'),
  noAccount: () => msg('You have no account? Ask the administrator of this server for one.'),
};

/** The menu items and the dialog of the account. */
export const accountWords = {
  signIn: () => msg('Sign in…'),
  account: (name: string) => msg(str`Account: ${name}`),
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
