import type { Config, Conversation, ConversationList, MessagePage } from './protocol';

/** A request that was refused, or did not get through (`code` is then `offline`). */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly code: string,
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
  conversation: (id) => call('GET', `/conversations/${encodeURIComponent(id)}`),
  rename: (id, title) => call('PATCH', `/conversations/${encodeURIComponent(id)}`, { title }),
  remove: (id) => call('DELETE', `/conversations/${encodeURIComponent(id)}`),
  messages: (id, before) =>
    call('GET', `/conversations/${encodeURIComponent(id)}/messages${query({ before })}`),
  summaryThrough: async (id) => {
    type Context = { summary: { through: number } | null };
    const path = `/conversations/${encodeURIComponent(id)}/context`;
    return (await call<Context>('GET', path)).summary?.through ?? 0;
  },
};

export async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const init: RequestInit = { method };
  if (body) {
    init.headers = { 'Content-Type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(BASE + path, init);
  } catch {
    throw offline();
  }
  if (!response.ok) throw await refusal(response);
  return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
}

export function offline(): ApiError {
  return new ApiError('The server can’t be reached. Please try again in a moment.', 'offline');
}

export async function refusal(response: Response): Promise<ApiError> {
  try {
    const { message, code } = (await response.json()) as { message: string; code: string };
    return new ApiError(message, code);
  } catch {
    return new ApiError(`The server answered with status ${response.status}.`, 'internal');
  }
}

function query(parameters: Record<string, string | number | null>): string {
  const set = Object.entries(parameters).filter(([, value]) => value !== null);
  if (set.length === 0) return '';
  return `?${new URLSearchParams(set.map(([name, value]) => [name, String(value)]))}`;
}
