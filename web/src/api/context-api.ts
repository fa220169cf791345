import { BASE, call, conversationPath, readJson, request } from './http';
import type { Context, ContextChanges, UserSettings } from './types';

/** A resource, with the `ETag` of the version that was read. */
export interface Tagged<T> {
  value: T;
  /** `null` if the server sent none. */
  etag: string | null;
}

/** The settings of the user. A write with an outdated `etag` fails with the code `stale`. */
export interface UserSettingsApi {
  readSettings(): Promise<Tagged<UserSettings>>;
  changeSettings(changes: UserSettings, etag: string | null): Promise<void>;
}

/** The context of a conversation. A write with an outdated `etag` fails with the code `stale`. */
export interface ContextApi {
  read(id: string): Promise<Tagged<Context>>;
  change(id: string, changes: ContextChanges, etag: string | null): Promise<void>;
  replaceSummary(id: string, text: string, etag: string | null): Promise<void>;
  removeSummary(id: string, etag: string | null): Promise<void>;
  addExample(id: string, userPrompt: string, assistantResponse: string): Promise<void>;
  removeExample(id: string, exampleId: string): Promise<void>;
}

export const contextApi: ContextApi & UserSettingsApi = {
  read: (id) => readTagged<Context>(contextPath(id)),
  readSettings: () => readTagged<UserSettings>(SETTINGS_PATH),
  changeSettings: (changes, etag) => write('PATCH', SETTINGS_PATH, etag, changes),
  change: (id, changes, etag) => write('PATCH', contextPath(id), etag, changes),
  replaceSummary: (id, text, etag) => write('PUT', summaryPath(id), etag, { text }),
  removeSummary: (id, etag) => write('DELETE', summaryPath(id), etag),
  addExample: (id, user_prompt, assistant_response) =>
    call('POST', examplesPath(id), { user_prompt, assistant_response }),
  removeExample: (id, exampleId) =>
    call('DELETE', `${examplesPath(id)}/${encodeURIComponent(exampleId)}`),
};

const SETTINGS_PATH = '/me/settings';

async function readTagged<T>(path: string): Promise<Tagged<T>> {
  const response = await request('GET', BASE + path);
  const value = await readJson<T>(response);
  return { value, etag: response.headers.get('ETag') };
}

async function write(
  method: string,
  path: string,
  etag: string | null,
  body?: object,
): Promise<void> {
  await request(method, BASE + path, body, etag === null ? {} : { 'If-Match': etag });
}

function contextPath(id: string): string {
  return `${conversationPath(id)}/context`;
}

function summaryPath(id: string): string {
  return `${contextPath(id)}/summary`;
}

function examplesPath(id: string): string {
  return `${conversationPath(id)}/few_shot_examples`;
}
