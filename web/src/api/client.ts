import type { Config, Conversation, ConversationList, MessagePage } from './types';

/** A request that was refused, or did not get through (`code` is then `offline`). */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly code: string,
    /** When it may be tried again, in milliseconds since 1970; `null` if that was not said. */
    readonly retryAt: number | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

export interface Api {
  config(): Promise<Config>;
  conversations(cursor: string | null): Promise<ConversationList>;
  start(): Promise<Conversation>;
  conversation(id: string): Promise<Conversation>;
  rename(id: string, title: string): Promise<Conversation>;
  remove(id: string): Promise<void>;
  messages(id: string, before: number | null): Promise<MessagePage>;
  /** Up to which position the summary stands for the messages; 0 without one. */
  summaryThrough(id: string): Promise<number>;
}

export const BASE = '/api/v1';

export const api: Api = {
  config: () => call('GET', '/config'),
  conversations: (cursor) => call('GET', `/conversations${query({ cursor })}`),
  start: () => call('POST', '/conversations'),
  conversation: (id) => call('GET', conversationPath(id)),
  rename: (id, title) => call('PATCH', conversationPath(id), { title }),
  remove: (id) => call('DELETE', conversationPath(id)),
  messages: (id, before) => call('GET', `${conversationPath(id)}/messages${query({ before })}`),
  summaryThrough: async (id) => {
    type Context = { summary: { through: number } | null };
    return (await call<Context>('GET', `${conversationPath(id)}/context`)).summary?.through ?? 0;
  },
};

export function conversationPath(id: string): string {
  return `/conversations/${encodeURIComponent(id)}`;
}

export async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await request(method, BASE + path, body);
  return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
}

/** Sends a file as it is, and anything else as JSON. */
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
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch {
    throw offline();
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

export function offline(): ApiError {
  return new ApiError('The server can’t be reached. Please try again in a moment.', 'offline');
}

export async function refusal(response: Response): Promise<ApiError> {
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
  const retryAt = Number.isFinite(seconds) ? Date.now() + seconds * 1000 : null;
  try {
    const { message, code } = (await response.json()) as { message: string; code: string };
    return new ApiError(message, code, retryAt);
  } catch {
    const message = `The server answered with status ${response.status}.`;
    return new ApiError(message, 'internal', retryAt);
  }
}

export function query(parameters: Record<string, string | number | null>): string {
  const set = Object.entries(parameters).filter(([, value]) => value !== null);
  if (set.length === 0) return '';
  return `?${new URLSearchParams(set.map(([name, value]) => [name, String(value)]))}`;
}
