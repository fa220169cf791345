import type { components } from './generated';

type Schemas = components['schemas'];

export type Account = Schemas['Account'];
export type AccountRole = Schemas['AccountRole'];
export type AddedUser = Schemas['AddedUser'];
export type AdminGroupChanges = Schemas['AdminGroupChanges'];
export type AdminGroups = Schemas['AdminGroups'];
export type AdminModel = Schemas['AdminModel'];
export type AdminModels = Schemas['AdminModels'];
export type AdminSettings = Schemas['AdminSettings'];
export type AdminUser = Schemas['AdminUser'];
export type AdminUserChanges = Schemas['AdminUserChanges'];
export type AdminUserDetails = Schemas['AdminUserDetails'];
export type AdminUsers = Schemas['AdminUsers'];
export type AuditActionKind = AuditEntry['action'];
export type AuditEntries = Schemas['AuditEntries'];
export type AuditEntry = Schemas['AuditEntry'];
export type AuthMode = Schemas['AuthMode'];
export type Config = Schemas['Config'];
export type Deployment = Schemas['Deployment'];
export type Model = Schemas['Model'];
export type Context = Schemas['Context'];
export type ContextChanges = Schemas['ContextChanges'];
export type Conversation = Schemas['Conversation'];
export type ConversationPage = Schemas['ConversationPage'];
export type Credentials = Schemas['Credentials'];
export type Erasure = Schemas['Erasure'];
export type FewShotExample = Schemas['FewShotExample'];
export type FileJob = Schemas['FileJob'];
/** The fields of a job that its progress events contain. */
export type FileProgress = Pick<
  FileJob,
  'job_id' | 'file_name' | 'done' | 'of' | 'status' | 'error'
>;
export type FileList = Schemas['Files'];
export type Ledger = Schemas['Ledger'];
export type Me = Schemas['Me'];
export type Message = Schemas['VersionedMessage'];
export type MessagePage = Schemas['MessagePage'];
export type MessageStatus = Schemas['MessageStatus'];
export type ModelParameters = Schemas['ModelParameters'];
export type PasswordChange = Schemas['PasswordChange'];
export type ReasoningEffort = Schemas['ReasoningEffort'];
export type ResetPassword = Schemas['ResetPassword'];
export type Role = Schemas['Role'];
export type SavedFile = Schemas['SavedFile'];
export type SearchHit = Schemas['SearchHit'];
export type SearchHits = Schemas['Hits'];
export type AddedKey = Schemas['AddedKey'];
export type ApiKey = Schemas['ApiKey'];
export type ApiKeys = Schemas['ApiKeys'];
export type ApiKeyScope = Schemas['ApiKeyScope'];
export type NewAccount = Schemas['NewAccount'];
export type EffectiveSetting = Schemas['EffectiveSetting'];
export type NewAdminUser = Schemas['NewAdminUser'];
export type NewKey = Schemas['NewKey'];
export type SettingsSection = Schemas['SettingsSection'];
export type SignedInSession = Schemas['SignedInSession'];
export type SignedInSessions = Schemas['SignedInSessions'];
export type SignedOut = Schemas['SignedOut'];
export type SignInMethods = Schemas['SignInMethods'];
export type SnippetPart = Schemas['SnippetPart'];
export type TitleHit = Schemas['TitleHit'];
export type UserGroup = Schemas['UserGroup'];
export type UserSettings = Schemas['UserSettings'];
export type ErrorResponse = Schemas['ErrorResponse'];

export type ImportJob = Schemas['Import'];

export type ServerEvent = Schemas['ServerEvent'];
export type ClientEvent = Schemas['ClientEvent'];

type EventName = ServerEvent['event'];
type ServerEventOf<Name extends EventName> = Extract<ServerEvent, { event: Name }>;
type DataOf<Name extends EventName> = ServerEventOf<Name>['data'];

export type MessageAccepted = DataOf<'message_accepted'>;
export type ReasoningChunk = DataOf<'reasoning_chunk'>;
export type ResponseEnd = DataOf<'response_end'>;
/** The server's rejection of a frame of this connection. */
export type FrameRejection = Schemas['ErrorData'];
/** The failure of a turn, sent to all subscribers. */
export type TurnFailure = Schemas['EventData_TurnFailed'];

/** An event of a conversation, sent to its subscribers. */
export type ConversationEvent =
  | ServerEventOf<
      | 'message_accepted'
      | 'reasoning_chunk'
      | 'response_chunk'
      | 'response_end'
      | 'token_usage'
      | 'conversation_updated'
      | 'file_progress'
    >
  | { event: 'error'; data: TurnFailure };

/** A command about a stored message. */
export type MessageCommand = Extract<
  ClientEvent,
  { event: 'regenerate' | 'continue' | 'select_version' }
>;
