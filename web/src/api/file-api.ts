import { BASE, call, conversationPath, offlineError, readJson, responseError } from './http';
import type { FileJob, FileList } from './types';

export interface FileApi {
  /** Calls `onprogress` with the number of bytes sent so far. A repeated key returns the first job. */
  upload(
    conversationId: string,
    file: File,
    idempotencyKey: string,
    onprogress: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<FileJob>;
  list(conversationId: string): Promise<FileJob[]>;
  cancel(conversationId: string, jobId: string): Promise<void>;
  /** Without instructions, those of the last analysis stay. Blank ones ask for the default analysis. */
  retry(conversationId: string, jobId: string, instructions?: string): Promise<FileJob>;
}

export const fileApi: FileApi = {
  upload,
  list: async (id) => (await call<FileList>('GET', filesPath(id))).files,
  cancel: (id, jobId) => call('DELETE', `${filesPath(id)}/${encodeURIComponent(jobId)}`),
  retry: (id, jobId, instructions) => {
    const path = `${filesPath(id)}/${encodeURIComponent(jobId)}/retry`;
    return call('POST', path, instructions === undefined ? undefined : { instructions });
  },
};

/** An upload without progress for so long has failed. The server may need some time for its response, too. */
const STALL_TIMEOUT_MS = 60_000;

function filesPath(conversationId: string): string {
  return `${conversationPath(conversationId)}/files`;
}

/** Uses `XMLHttpRequest`, because `fetch` reports no upload progress. */
function upload(
  conversationId: string,
  file: File,
  idempotencyKey: string,
  onprogress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<FileJob> {
  const form = new FormData();
  form.append('file', file);
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    // A dead connection would stall the upload for minutes.
    let stallTimer = setTimeout(() => request.abort(), STALL_TIMEOUT_MS);
    request.upload.addEventListener('progress', ({ loaded }) => {
      clearTimeout(stallTimer);
      stallTimer = setTimeout(() => request.abort(), STALL_TIMEOUT_MS);
      onprogress(loaded);
    });
    request.addEventListener('loadend', () => clearTimeout(stallTimer));
    request.addEventListener('load', () => resolve(parseJob(request)));
    request.addEventListener('error', () => reject(offlineError()));
    request.addEventListener('abort', () => reject(signal.reason ?? offlineError()));
    signal.addEventListener('abort', () => request.abort());
    request.open('POST', BASE + filesPath(conversationId));
    request.setRequestHeader('Idempotency-Key', idempotencyKey);
    request.send(form);
  });
}

async function parseJob({ status, responseText }: XMLHttpRequest): Promise<FileJob> {
  const response = new Response(responseText, { status });
  if (!response.ok) throw await responseError(response);
  return readJson<FileJob>(response);
}
