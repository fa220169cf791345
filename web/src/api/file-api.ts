import { BASE, call, conversationPath, offline, refusal } from './client';
import type { FileJob } from './types';

export interface FileApi {
  /** Tells `onsent` how many bytes are on their way. */
  upload(
    conversationId: string,
    file: File,
    onsent: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<FileJob>;
  list(conversationId: string): Promise<FileJob[]>;
  cancel(conversationId: string, jobId: string): Promise<void>;
  retry(conversationId: string, jobId: string): Promise<FileJob>;
}

export const fileApi: FileApi = {
  upload,
  list: async (id) => (await call<{ files: FileJob[] }>('GET', path(id))).files,
  cancel: (id, jobId) => call('DELETE', `${path(id)}/${encodeURIComponent(jobId)}`),
  retry: (id, jobId) => call('POST', `${path(id)}/${encodeURIComponent(jobId)}/retry`),
};

function path(conversationId: string): string {
  return `${conversationPath(conversationId)}/files`;
}

/** Not by `fetch`, which does not tell how much of a body was sent. */
function upload(
  conversationId: string,
  file: File,
  onsent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<FileJob> {
  const form = new FormData();
  form.append('file', file);
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    request.upload.addEventListener('progress', ({ loaded }) => onsent(loaded));
    request.addEventListener('load', () => resolve(job(request)));
    request.addEventListener('error', () => reject(offline()));
    request.addEventListener('abort', () => reject(signal.reason));
    signal.addEventListener('abort', () => request.abort());
    request.open('POST', BASE + path(conversationId));
    request.send(form);
  });
}

async function job({ status, responseText }: XMLHttpRequest): Promise<FileJob> {
  const response = new Response(responseText, { status });
  if (!response.ok) throw await refusal(response);
  return (await response.json()) as FileJob;
}
