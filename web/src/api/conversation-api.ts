import { BASE, call, conversationPath, fetchFile, query, readJson, request } from './http';
import type {
  Config,
  Conversation,
  ConversationPage,
  ImportJob,
  MessagePage,
  Model,
  SavedFile,
  SearchHits,
} from './types';

/** The state of the last answer of a conversation. */
export interface AnswerState {
  isRunning: boolean;
  /** `null` without messages. */
  lastMessageId: string | null;
}

export type ExportFormat = 'json' | 'markdown' | 'flask';

/** Conversations and their messages, search and imports, and the server's configuration. */
export interface ConversationApi {
  config(): Promise<Config>;
  /** The models that the user may use. */
  models(): Promise<readonly Model[]>;
  conversations(cursor: string | null): Promise<ConversationPage>;
  archived(cursor: string | null): Promise<ConversationPage>;
  search(query: string): Promise<SearchHits>;
  /** Creates a conversation, with the default model if `model` is `null`. A repeated key returns the first one. */
  startConversation(idempotencyKey: string, model: string | null): Promise<Conversation>;
  conversation(id: string): Promise<Conversation>;
  rename(id: string, title: string): Promise<Conversation>;
  setArchived(id: string, archived: boolean): Promise<Conversation>;
  /** Saves the conversation to a file on the server and returns the file's name. */
  save(id: string): Promise<string>;
  export(id: string, format: ExportFormat): Promise<Blob>;
  /** Deletes the messages, the summary, the system prompt and the examples. */
  reset(id: string): Promise<void>;
  delete(id: string): Promise<void>;
  /** Deletes the conversation with a request that outlives the page. */
  deleteOnUnload(id: string): void;
  messages(id: string, before: number | null): Promise<MessagePage>;
  /** Returns whether an answer is being generated, and the id of the last message before it. */
  answerState(id: string): Promise<AnswerState>;
  startImport(file: File): Promise<ImportJob>;
  importJob(id: string): Promise<ImportJob>;
}

export const conversationApi: ConversationApi = {
  config: () => call('GET', '/config'),
  models: async () => (await call<{ models: Model[] }>('GET', '/models')).models,
  conversations: (cursor) => call('GET', `/conversations${query({ cursor })}`),
  archived: (cursor) => call('GET', `/conversations${query({ archived: 'true', cursor })}`),
  search: (q) => call('GET', `/search${query({ q, limit: 30 })}`),
  startConversation: async (key, model) => {
    const headers = { 'Idempotency-Key': key };
    const body = model === null ? undefined : { model };
    return readJson(await request('POST', `${BASE}/conversations`, body, headers));
  },
  conversation: (id) => call('GET', conversationPath(id)),
  rename: (id, title) => call('PATCH', conversationPath(id), { title }),
  setArchived: (id, archived) => call('PATCH', conversationPath(id), { archived }),
  save: async (id) => (await call<SavedFile>('POST', `${conversationPath(id)}/save`)).file_name,
  export: (id, format) => fetchFile(`${conversationPath(id)}/export${query({ format })}`),
  reset: (id) => call('POST', `${conversationPath(id)}/reset`),
  delete: (id) => call('DELETE', conversationPath(id)),
  deleteOnUnload: (id) => {
    const deletion = fetch(BASE + conversationPath(id), { method: 'DELETE', keepalive: true });
    deletion.catch(() => {});
  },
  messages: (id, before) => call('GET', `${conversationPath(id)}/messages${query({ before })}`),
  answerState: async (id) => {
    const path = `${conversationPath(id)}/messages${query({ limit: 1 })}`;
    const { messages, running_turn: runningTurn } = await call<MessagePage>('GET', path);
    const lastMessageId = messages.at(-1)?.message_id ?? null;
    return { isRunning: (runningTurn ?? null) !== null, lastMessageId };
  },
  startImport: (file) => call('POST', '/imports', file),
  importJob: (id) => call('GET', `/imports/${encodeURIComponent(id)}`),
};

export const EXPORT_ALL_URL = `${BASE}/export`;

export function savedFileUrl(fileName: string): string {
  return `/saved_conversations/${encodeURIComponent(fileName)}`;
}
