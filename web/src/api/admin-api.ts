import { BASE, call, query, request } from './http';
import type {
  AccountRole,
  AddedUser,
  AdminGroupChanges,
  AdminGroups,
  AdminModels,
  AdminSettings,
  AdminUser,
  AdminUserChanges,
  AdminUserDetails,
  AdminUsers,
  AuditEntries,
  ConversationPage,
  Erasure,
  MessagePage,
  NewAdminUser,
  ResetPassword,
} from './types';

/** Which users are listed; `''` matches all. */
export interface UserFilter {
  search: string;
  role: AccountRole | '';
  state: 'active' | 'disabled' | '';
  group: string;
}

/** Which entries of the audit log are listed; `''` matches all. The times are in ISO 8601. */
export interface AuditFilter {
  user: string;
  action: string;
  from: string;
  until: string;
}

const PAGE_SIZE = 50;

function userPath(id: string): string {
  return `/admin/users/${encodeURIComponent(id)}`;
}

function present(filter: object): Record<string, string> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== ''));
}

/** The REST API of the admin area. */
export const adminApi = {
  users: (filter: UserFilter, cursor: string | null): Promise<AdminUsers> =>
    call('GET', `/admin/users${query({ ...present(filter), cursor, limit: PAGE_SIZE })}`),
  user: (id: string): Promise<AdminUserDetails> => call('GET', userPath(id)),
  /** The response may have a password, which can’t be read again. */
  addUser: (user: NewAdminUser): Promise<AddedUser> => call('POST', '/admin/users', user),
  changeUser: (id: string, changes: AdminUserChanges): Promise<AdminUser> =>
    call('PATCH', userPath(id), changes),
  /** The data is deleted in the background. */
  eraseUser: (id: string): Promise<Erasure> => call('DELETE', userPath(id)),
  /** The response has the new password, which can’t be read again. */
  resetPassword: (id: string): Promise<ResetPassword> =>
    call('POST', `${userPath(id)}/password`, {}),
  /** The first groups whose names begin with a text. */
  groups: (search: string): Promise<AdminGroups> =>
    call('GET', `/admin/groups${query({ search, limit: PAGE_SIZE })}`),
  changeGroups: (id: string, changes: AdminGroupChanges): Promise<AdminUser> =>
    call('PATCH', `${userPath(id)}/groups`, changes),
  endSessions: (id: string): Promise<void> => call('DELETE', `${userPath(id)}/sessions`),
  endSession: (id: string, sessionId: string): Promise<void> =>
    call('DELETE', `${userPath(id)}/sessions/${encodeURIComponent(sessionId)}`),
  revokeKey: (id: string, keyId: string): Promise<void> =>
    call('DELETE', `${userPath(id)}/keys/${encodeURIComponent(keyId)}`),
  conversations: (id: string, reason: string, cursor: string | null): Promise<ConversationPage> =>
    call('POST', `${userPath(id)}/conversations`, { reason, cursor }),
  messages: (
    id: string,
    conversationId: string,
    reason: string,
    before: number | null,
  ): Promise<MessagePage> =>
    call('POST', `${userPath(id)}/conversations/${encodeURIComponent(conversationId)}/messages`, {
      reason,
      before,
    }),
  exportUser: async (id: string, reason: string): Promise<Blob> =>
    (await request('POST', `${BASE}${userPath(id)}/export`, { reason })).blob(),
  audit: (filter: AuditFilter, cursor: string | null): Promise<AuditEntries> =>
    call('GET', `/admin/audit${query({ ...present(filter), cursor, limit: PAGE_SIZE })}`),
  models: (): Promise<AdminModels> => call('GET', '/admin/models'),
  settings: (): Promise<AdminSettings> => call('GET', '/admin/settings'),
};

export type AdminApi = typeof adminApi;
