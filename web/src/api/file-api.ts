import { BASE, call, conversationPath, offlineError, readJson, responseError } from './http';
import type { FileJob, FileList } from './types';

export interface FileApi {
  /** Calls `onprogress` with the number of bytes sent so far. */
  upload(
    conversationId: string,
    file: File,
    onprogress: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<FileJob>;
  list(conversationId: string): Promise<FileJob[]>;
  cancel(conversationId: string, jobId: string): Promise<void>;
  retry(conversationId: string, jobId: string): Promise<FileJob>;
}

export const fileApi: FileApi = {
  upload,
  list: async (id) => (await call<FileList>('GET', filesPath(id))).files,
  cancel: (id, jobId) => call('DELETE', `${filesPath(id)}/${encodeURIComponent(jobId)}`),
  retry: (id, jobId) => call('POST', `${filesPath(id)}/${encodeURIComponent(jobId)}/retry`),
};

function filesPath(conversationId: string): string {
  return `${conversationPath(conversationId)}/files`;
}

/** Uses `XMLHttpRequest`, because `fetch` reports no upload progress. */
function upload(
  conversationId: string,
  file: File,
  onprogress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<FileJob> {
  const form = new FormData();
  form.append('file', file);
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    request.upload.addEventListener('progress', ({ loaded }) => onprogress(loaded));
    request.addEventListener('load', () => resolve(parseJob(request)));
    request.addEventListener('error', () => reject(offlineError()));
    request.addEventListener('abort', () => reject(signal.reason));
    signal.addEventListener('abort', () => request.abort());
    request.open('POST', BASE + filesPath(conversationId));
    request.send(form);
  });
}

async function parseJob({ status, responseText }: XMLHttpRequest): Promise<FileJob> {
  const response = new Response(responseText, { status });
  if (!response.ok) throw await responseError(response);
  return readJson<FileJob>(response);
}
