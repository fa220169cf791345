import { BASE, call, conversationPath, readJson, request } from './http';
import type { Context, ContextChanges } from './types';

/** The context of a conversation, with the `ETag` of the version that was read. */
export interface TaggedContext {
  context: Context;
  /** `null` if the server sent none. */
  etag: string | null;
}

/** The context of a conversation. A write with an outdated `etag` fails with the code `stale`. */
export interface ContextApi {
  read(id: string): Promise<TaggedContext>;
  change(id: string, changes: ContextChanges, etag: string | null): Promise<void>;
  replaceSummary(id: string, text: string, etag: string | null): Promise<void>;
  removeSummary(id: string, etag: string | null): Promise<void>;
  addExample(id: string, userPrompt: string, assistantResponse: string): Promise<void>;
  removeExample(id: string, exampleId: string): Promise<void>;
}

export const contextApi: ContextApi = {
  read,
  change: (id, changes, etag) => write('PATCH', contextPath(id), etag, changes),
  replaceSummary: (id, text, etag) => write('PUT', summaryPath(id), etag, { text }),
  removeSummary: (id, etag) => write('DELETE', summaryPath(id), etag),
  addExample: (id, user_prompt, assistant_response) =>
    call('POST', examplesPath(id), { user_prompt, assistant_response }),
  removeExample: (id, exampleId) =>
    call('DELETE', `${examplesPath(id)}/${encodeURIComponent(exampleId)}`),
};

async function read(id: string): Promise<TaggedContext> {
  const response = await request('GET', BASE + contextPath(id));
  const context = await readJson<Context>(response);
  return { context, etag: response.headers.get('ETag') };
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
