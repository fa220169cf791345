import { BASE, call, conversationPath, query } from './client';
import type { Conversation, ConversationList, ImportJob, SearchHit } from './types';

export type ExportFormat = 'json' | 'markdown' | 'flask';

/** What can be done to conversations as a whole. */
export interface LibraryApi {
  search(words: string): Promise<SearchHit[]>;
  archived(cursor: string | null): Promise<ConversationList>;
  archive(id: string, archived: boolean): Promise<Conversation>;
  /** Stores it as a file on the server; gives the file's name. */
  save(id: string): Promise<string>;
  /** Empties it: messages, summary, prompt and examples go. */
  reset(id: string): Promise<void>;
  /** Deletes it though the page goes away meanwhile. */
  removeLeaving(id: string): void;
  startImport(file: File): Promise<ImportJob>;
  importJob(id: string): Promise<ImportJob>;
}

export const libraryApi: LibraryApi = {
  search: async (q) =>
    (await call<{ hits: SearchHit[] }>('GET', `/search${query({ q, limit: 30 })}`)).hits,
  archived: (cursor) => call('GET', `/conversations${query({ archived: 'true', cursor })}`),
  archive: (id, archived) => call('PATCH', conversationPath(id), { archived }),
  save: async (id) =>
    (await call<{ file_name: string }>('POST', `${conversationPath(id)}/save`)).file_name,
  reset: (id) => call('POST', `${conversationPath(id)}/reset`),
  removeLeaving: (id) => {
    const leaving = fetch(BASE + conversationPath(id), { method: 'DELETE', keepalive: true });
    leaving.catch(() => {});
  },
  startImport: (file) => call('POST', '/imports', file),
  importJob: (id) => call('GET', `/imports/${encodeURIComponent(id)}`),
};

export function exportUrl(id: string, format: ExportFormat): string {
  return `${BASE}${conversationPath(id)}/export${query({ format })}`;
}

export const EXPORT_ALL_URL = `${BASE}/export`;

export function savedUrl(fileName: string): string {
  return `/saved_conversations/${encodeURIComponent(fileName)}`;
}
