import { call, conversationPath, query } from './http';
import type { Config, Context, Conversation, ConversationPage, MessagePage } from './types';

/** Conversations and their messages, and the settings of the server. */
export interface ConversationApi {
  config(): Promise<Config>;
  conversations(cursor: string | null): Promise<ConversationPage>;
  startConversation(): Promise<Conversation>;
  conversation(id: string): Promise<Conversation>;
  rename(id: string, title: string): Promise<Conversation>;
  delete(id: string): Promise<void>;
  messages(id: string, before: number | null): Promise<MessagePage>;
  /** The position of the last message that the summary covers; 0 without a summary. */
  summaryEnd(id: string): Promise<number>;
}

export const conversationApi: ConversationApi = {
  config: () => call('GET', '/config'),
  conversations: (cursor) => call('GET', `/conversations${query({ cursor })}`),
  startConversation: () => call('POST', '/conversations'),
  conversation: (id) => call('GET', conversationPath(id)),
  rename: (id, title) => call('PATCH', conversationPath(id), { title }),
  delete: (id) => call('DELETE', conversationPath(id)),
  messages: (id, before) => call('GET', `${conversationPath(id)}/messages${query({ before })}`),
  summaryEnd: async (id) => {
    const { summary } = await call<Context>('GET', `${conversationPath(id)}/context`);
    return summary?.through ?? 0;
  },
};
