import { msg, str } from '@lit/localize';

import type { AccountRole, AuditActionKind, AuditEntry, Role } from '../api/types';

const VIEWS = {
  users: () => msg('Users'),
  audit: () => msg('Audit log'),
  models: () => msg('Models'),
  settings: () => msg('Settings'),
};

/** The frame of the admin page. */
export const adminWords = {
  heading: () => msg('Administration'),
  view: (view: 'users' | 'audit' | 'models' | 'settings') => VIEWS[view](),
  skip: () => msg('Skip to the content'),
  openChat: () => msg('Back to Webchat'),
  readOnly: () => msg('As an auditor, you can see everything here and change nothing.'),
  adminsOnly: () => msg('Administrators only'),
  adminsOnlyDetails: () => msg('Your account can’t open this page. Please ask an administrator.'),
  noAccounts: () => msg('No accounts'),
  noAccountsDetails: () => msg('Nobody can sign in to this server, so there is nothing to manage.'),
  unreachable: () => msg('The server can’t be reached.'),
};

/** Lists that are shown page by page. */
export const listWords = {
  loading: () => msg('Loading…'),
  loadFailed: () => msg('This can’t be loaded.'),
  tryAgain: () => msg('Try again'),
  pages: () => msg('Pages'),
  previous: () => msg('Previous'),
  next: () => msg('Next'),
};

const ROLES: Record<AccountRole, () => string> = {
  user: () => msg('User'),
  auditor: () => msg('Auditor'),
  admin: () => msg('Administrator'),
};

export const roleWords = {
  name: (role: AccountRole) => ROLES[role](),
};

/** The list of users. */
export const userListWords = {
  users: () => msg('Users'),
  search: () => msg('Name begins with…'),
  name: () => msg('Name'),
  role: () => msg('Role'),
  allRoles: () => msg('All roles'),
  state: () => msg('State'),
  group: () => msg('Group'),
  allStates: () => msg('All states'),
  active: () => msg('Active'),
  disabled: () => msg('Disabled'),
  lastSignIn: () => msg('Last sign-in'),
  never: () => msg('Never'),
  added: () => msg('Added'),
  add: () => msg('Add user'),
  none: () => msg('There are no users yet.'),
  noMatches: () => msg('No users match.'),
};

/** The dialog that adds a user. */
export const addUserWords = {
  heading: () => msg('Add user'),
  name: () => msg('Name'),
  role: () => msg('Role'),
  roleHint: () => msg('Auditors see users and the audit log. Administrators also change users.'),
  service: () => msg('For a program: nobody can sign in, only API keys work'),
  passwordHint: () =>
    msg('Webchat generates a password, which the user must change at the first sign-in.'),
  add: () => msg('Add user'),
  added: (name: string) => msg(str`${name} was added.`),
  cancel: () => msg('Cancel'),
  done: () => msg('Done'),
};

/** A generated password. */
export const passwordWords = {
  label: () => msg('One-time password'),
  copyNow: () =>
    msg('Copy the password now and hand it over. It can’t be shown again, and must be changed.'),
  copy: () => msg('Copy password'),
};

/** The panel of a user. */
export const userWords = {
  account: () => msg('Account'),
  role: () => msg('Role'),
  roleHint: () => msg('Another role signs the user out everywhere.'),
  saveRole: () => msg('Save role'),
  state: () => msg('State'),
  added: () => msg('Added'),
  lastSignIn: () => msg('Last sign-in'),
  never: () => msg('Never'),
  chats: () => msg('Chats'),
  password: () => msg('Password'),
  passwordState: (hasPassword: boolean, mustChange: boolean) => {
    if (!hasPassword) return msg('None');
    return mustChange ? msg('Must be changed') : msg('Set by the user');
  },
  disable: () => msg('Disable account'),
  disableHint: () => msg('The user is signed out everywhere, and API keys stop working.'),
  enable: () => msg('Enable account'),
  enableHint: () => msg('The user can sign in again, and API keys work again.'),
  deleteHeading: () => msg('Delete account'),
  ask: () => msg('Delete account…'),
  deleteWarning: (name: string) =>
    msg(
      str`This deletes ${name} at once and forever, with all chats, files, settings, API keys and sessions. The audit log keeps the name and a receipt.`,
    ),
  deleteNow: () => msg('Delete account'),
  resetHeading: () => msg('Password'),
  reset: () => msg('Reset password…'),
  resetWarning: (name: string) =>
    msg(str`${name} is signed out everywhere and needs the new password to sign in.`),
  resetNow: () => msg('Reset password'),
  cancel: () => msg('Cancel'),
  sessions: () => msg('Signed in'),
  noSessions: () => msg('Not signed in anywhere.'),
  sessionDates: (since: string, until: string) => msg(str`Since ${since}, expires ${until}`),
  end: () => msg('End'),
  endSession: (device: string) => msg(str`End: ${device}`),
  endAll: () => msg('Sign out everywhere'),
  keys: () => msg('API keys'),
  noKeys: () => msg('No API keys.'),
  keyDates: (expires: string | null, used: string | null) => {
    const expiry = expires === null ? msg('does not expire') : msg(str`expires ${expires}`);
    const use = used === null ? msg('never used') : msg(str`last used ${used}`);
    return `${expiry} · ${use}`;
  },
  revoke: () => msg('Revoke'),
  revokeKey: (name: string) => msg(str`Revoke: ${name}`),
};

const GROUP_SOURCES: Record<string, () => string> = {
  manual: () => msg('by hand'),
  proxy: () => msg('from the proxy'),
};

/** The groups of a user. */
export const groupWords = {
  heading: () => msg('Groups'),
  none: () => msg('In no group.'),
  source: (source: string) => GROUP_SOURCES[source]?.() ?? msg(str`from ${source}`),
  add: () => msg('Add to group'),
  addNow: () => msg('Add'),
  remove: () => msg('Remove'),
  removeGroup: (name: string) => msg(str`Remove: ${name}`),
};

/** The models, and how their deployments work. */
export const modelsViewWords = {
  intro: () =>
    msg(
      'How the deployments have worked since this instance of the server started. The operator sets the models in the configuration file.',
    ),
  groups: (names: string) => msg(str`For the groups ${names}`),
  group: (name: string) => msg(str`For the group ${name}`),
  everybody: () => msg('For everybody'),
  deployment: () => msg('Deployment'),
  state: () => msg('State'),
  working: () => msg('Working'),
  unused: () => msg('Not used yet'),
  failed: () => msg('No answer yet'),
  failing: () => msg('Paused after failures'),
  probed: () => msg('Being tried again'),
  busy: (seconds: string) => msg(str`Asked to wait ${seconds} s`),
  firstToken: () => msg('Answer began after'),
  seconds: (seconds: string) => msg(str`${seconds} s`),
  lastFailure: () => msg('Last failure'),
  none: () => msg('None'),
  failure: (code: string) => MODEL_FAILURES[code]?.() ?? code,
};

const MODEL_FAILURES: Record<string, () => string> = {
  model_unreachable: () => msg('Can’t be reached'),
  model_key_refused: () => msg('Refused the key'),
  model_access_denied: () => msg('Refused access'),
  model_not_found: () => msg('Not found'),
  model_rate_limited: () => msg('Too many requests'),
  model_failed: () => msg('Sent no valid answer'),
};

/** The settings of the server. */
export const settingsViewWords = {
  intro: () =>
    msg(
      'The operator sets these in the server’s environment or configuration file. A change takes effect at the next start.',
    ),
  showAll: () => msg('Show settings with their default values too'),
  allDefaults: () => msg('All settings have their default values.'),
  setting: () => msg('Setting'),
  value: () => msg('Value'),
  source: () => msg('Source'),
  notSet: () => msg('Not set'),
  secret: () => msg('Set, not shown'),
  on: () => msg('On'),
  off: () => msg('Off'),
  sourceName: (source: string) => SOURCES[source]?.() ?? source,
};

const SOURCES: Record<string, () => string> = {
  default: () => msg('Default'),
  'the environment': () => msg('Environment'),
};

/** The conversations of another user. */
export const conversationWords = {
  heading: () => msg('Chats'),
  reason: () => msg('Reason'),
  reasonHint: () =>
    msg('10 to 500 characters. The audit log keeps it for each chat that you open.'),
  show: () => msg('Show chats'),
  none: () => msg('No chats.'),
  untitled: () => msg('Untitled chat'),
  more: () => msg('More chats'),
  export: () => msg('Export all chats'),
  back: () => msg('Back to the chats'),
  earlier: () => msg('Earlier messages'),
  author: (role: Role) => (role === 'user' ? msg('User') : msg('Answer')),
};

/** What an entry of the audit log records. */
export const AUDIT_ACTIONS: Record<AuditActionKind, () => string> = {
  sign_in: () => msg('Signed in'),
  sign_in_failed: () => msg('Failed to sign in'),
  sign_out: () => msg('Signed out'),
  sessions_ended: () => msg('Ended sessions'),
  password_changed: () => msg('Changed the password'),
  password_reset: () => msg('Reset the password'),
  account_added: () => msg('Added the account'),
  account_disabled: () => msg('Disabled the account'),
  account_enabled: () => msg('Enabled the account'),
  role_changed: () => msg('Changed the role'),
  groups_changed: () => msg('Changed groups'),
  key_added: () => msg('Added an API key'),
  key_revoked: () => msg('Revoked an API key'),
  identity_linked: () => msg('Linked a user of an identity provider'),
  user_adopted: () => msg('Took over chats'),
  conversations_listed: () => msg('Listed the chats'),
  conversation_read: () => msg('Read a chat'),
  account_exported: () => msg('Exported the chats'),
  account_erased: () => msg('Deleted the account'),
};

const DETAILS: Record<string, () => string> = {
  reason: () => msg('Reason'),
  omitted: () => msg('Earlier failures without an entry'),
  role: () => msg('New role'),
  source: () => msg('Source'),
  added: () => msg('Added'),
  removed: () => msg('Removed'),
  key_id: () => msg('Key'),
  scopes: () => msg('Scopes'),
  expires_at: () => msg('Expires'),
  replaced_user_id: () => msg('User id before'),
  conversation_id: () => msg('Chat'),
  erasure_id: () => msg('Receipt'),
  provider: () => msg('Identity provider'),
};

const ACCESS_METHODS: Record<AuditEntry['actor']['via'], () => string> = {
  session: () => msg('Browser'),
  api_key: () => msg('API key'),
  proxy: () => msg('Proxy'),
  command_line: () => msg('Command line'),
  anonymous: () => msg('Not signed in'),
};

/** The audit log. */
export const auditWords = {
  entries: () => msg('Entries of the audit log'),
  user: () => msg('User'),
  action: () => msg('Action'),
  allActions: () => msg('All actions'),
  from: () => msg('From'),
  until: () => msg('Until'),
  time: () => msg('Time'),
  actor: () => msg('By'),
  operator: () => msg('The operator'),
  nobody: () => msg('Nobody signed in'),
  subject: () => msg('User concerned'),
  details: () => msg('Details'),
  detailsOf: (number: number) => msg(str`Details of entry ${number}`),
  detail: (name: string) => DETAILS[name]?.() ?? name,
  refused: () => msg('Refused'),
  via: () => msg('Access'),
  accessMethod: (via: AuditEntry['actor']['via']) => ACCESS_METHODS[via](),
  address: () => msg('Address'),
  requestId: () => msg('Request'),
  subjectId: () => msg('User id'),
  number: () => msg('Number'),
  hash: () => msg('Hash'),
  none: () => msg('The audit log is empty.'),
  noMatches: () => msg('No entries match.'),
};
