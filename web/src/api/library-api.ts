import { BASE, call, conversationPath, query } from './http';
import type {
  Conversation,
  ConversationPage,
  ImportJob,
  SavedFile,
  SearchHit,
  SearchHits,
} from './types';

export type ExportFormat = 'json' | 'markdown' | 'flask';

/** Operations on whole conversations. */
export interface LibraryApi {
  search(query: string): Promise<SearchHit[]>;
  archived(cursor: string | null): Promise<ConversationPage>;
  setArchived(id: string, archived: boolean): Promise<Conversation>;
  /** Saves the conversation to a file on the server and returns the file's name. */
  save(id: string): Promise<string>;
  /** Deletes the messages, the summary, the system prompt and the examples. */
  reset(id: string): Promise<void>;
  /** Deletes the conversation with a request that outlives the page. */
  deleteOnUnload(id: string): void;
  startImport(file: File): Promise<ImportJob>;
  importJob(id: string): Promise<ImportJob>;
}

export const libraryApi: LibraryApi = {
  search: async (q) => (await call<SearchHits>('GET', `/search${query({ q, limit: 30 })}`)).hits,
  archived: (cursor) => call('GET', `/conversations${query({ archived: 'true', cursor })}`),
  setArchived: (id, archived) => call('PATCH', conversationPath(id), { archived }),
  save: async (id) => (await call<SavedFile>('POST', `${conversationPath(id)}/save`)).file_name,
  reset: (id) => call('POST', `${conversationPath(id)}/reset`),
  deleteOnUnload: (id) => {
    const request = fetch(BASE + conversationPath(id), { method: 'DELETE', keepalive: true });
    request.catch(() => {});
  },
  startImport: (file) => call('POST', '/imports', file),
  importJob: (id) => call('GET', `/imports/${encodeURIComponent(id)}`),
};

export function exportUrl(id: string, format: ExportFormat): string {
  return `${BASE}${conversationPath(id)}/export${query({ format })}`;
}

export const EXPORT_ALL_URL = `${BASE}/export`;

export function savedFileUrl(fileName: string): string {
  return `/saved_conversations/${encodeURIComponent(fileName)}`;
}
