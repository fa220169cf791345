import { requestWords as words } from '../words/app';
import type { ErrorResponse } from './types';

/** An error response of the server or, with the code `offline`, a failure to reach it. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly code: string,
    /** When the request may be retried, in milliseconds since 1970; `null` if unknown. */
    readonly retryAt: number | null = null,
    /** The status of the response; `null` without a valid response. */
    readonly status: number | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }

  /** Whether the same request may succeed later: the server can't be reached, is overloaded or has failed. */
  get isTransient(): boolean {
    return this.status === null || this.status === 429 || this.status >= 500;
  }
}

/** The text of an error, for the user. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of an error response, or `offline`; `null` for errors that are not an `ApiError`. */
export function errorCode(error: unknown): string | null {
  return error instanceof ApiError ? error.code : null;
}

/** When a failed request may be retried, in milliseconds since 1970; `null` if the server has not said. */
export function retryTime(error: unknown): number | null {
  return error instanceof ApiError ? error.retryAt : null;
}

/** The base of API paths. Relative to the page's `base`, because the server may be under a path. */
export const BASE = 'api/v1';

export function conversationPath(id: string): string {
  return `/conversations/${encodeURIComponent(id)}`;
}

export async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await request(method, BASE + path, body);
  return response.status === 204 ? (undefined as T) : readJson<T>(response);
}

/** The time limit for a response to begin. Without it, a dead connection would block a request for minutes. */
const RESPONSE_TIMEOUT_MS = 30_000;

/** Sends a request. A `Blob` is sent unchanged, any other body as JSON. Throws an `ApiError` on failure. */
export async function request(
  method: string,
  url: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Response> {
  const init: RequestInit = { method, headers: { ...headers } };
  if (body instanceof Blob) init.body = body;
  else if (body) {
    init.headers = { ...headers, 'Content-Type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  const response = await fetchWithTimeout(url, init).catch(() => {
    throw offlineError();
  });
  if (!response.ok) throw await responseError(response);
  return response;
}

/** Uploads have no time limit here. */
async function fetchWithTimeout(url: string, init: RequestInit): Promise<Response> {
  if (init.body instanceof Blob) return fetch(url, init);
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), RESPONSE_TIMEOUT_MS);
  try {
    return await fetch(url, { ...init, signal: controller.signal });
  } finally {
    clearTimeout(timer);
  }
}

/** Reads the JSON body of a response. Throws an `ApiError` if the connection is lost or the body is not JSON. */
export async function readJson<T>(response: Response): Promise<T> {
  const text = await response.text().catch(() => {
    throw offlineError();
  });
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new ApiError(words.invalidResponse(), 'invalid_response');
  }
}

/** Returns the body of a response as a file. Throws an `ApiError` on failure. */
export async function fetchFile(path: string): Promise<Blob> {
  const response = await request('GET', BASE + path);
  try {
    return await response.blob();
  } catch {
    throw offlineError();
  }
}

export function offlineError(): ApiError {
  return new ApiError(words.unreachable(), 'offline');
}

export async function responseError(response: Response): Promise<ApiError> {
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
  const retryAt = Number.isFinite(seconds) ? Date.now() + seconds * 1000 : null;
  const { status } = response;
  const body = (await response.json().catch(() => null)) as Partial<ErrorResponse> | null;
  // A proxy responds with another body, or with none.
  const message = body?.message ?? words.failed(status);
  return new ApiError(message, body?.code ?? 'internal', retryAt, status);
}

/** Formats a query string. Omits parameters that are `null`. */
export function query(parameters: Record<string, string | number | null>): string {
  const present = Object.entries(parameters).filter(([, value]) => value !== null);
  if (present.length === 0) return '';
  return `?${new URLSearchParams(present.map(([name, value]) => [name, String(value)]))}`;
}
