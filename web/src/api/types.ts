/** The shapes of docs/protocol.md, as far as the page uses them. */

export type Role = 'user' | 'assistant';
export type MessageStatus = 'complete' | 'stopped' | 'interrupted' | 'failed' | 'truncated';
export type FinishReason =
  'stop' | 'length' | 'content_filter' | 'stopped' | 'interrupted' | 'failed';

export interface Config {
  model: string | null;
  max_tokens: number;
  reply_tokens: number;
  version: string;
}

export interface Conversation {
  conversation_id: string;
  title: string | null;
  created_at: string;
  updated_at: string;
  message_count: number;
  total_tokens: number;
  archived: boolean;
}

export interface ConversationList {
  conversations: Conversation[];
  next_cursor: string | null;
}

export interface Message {
  message_id: string;
  conversation_id: string;
  position: number;
  parent_id: string | null;
  turn_id: string | null;
  role: Role;
  content: string;
  token_count: number;
  status: MessageStatus;
  /** Why it failed; missing where that is not known, or it did not. */
  error?: { message: string; code: string };
  created_at: string;
  /** All versions of it, oldest first, itself among them; missing where it is the only one. */
  versions?: string[];
}

export interface MessagePage {
  messages: Message[];
  next_before: number | null;
  event_seq: number;
  running_turn: string | null;
}

export interface Ledger {
  window: number;
  reserved: number;
  system: number;
  few_shot: number;
  summary: number;
  summary_through: number;
  history: number;
  total: number;
  left_out_messages: number;
}

export interface MessageAccepted {
  message_id: string;
  position: number;
  turn_id: string;
  client_message_id: string | null;
  answer_id: string;
  content: string;
  token_count: number;
  created_at: string;
}

export interface ResponseEnd {
  message_id: string;
  turn_id: string;
  position: number;
  finish_reason: FinishReason;
  status: MessageStatus;
  token_count: number;
}

export interface TokenUsage {
  turn_id: string;
  total_tokens_used: number;
  ledger: Ledger;
}

export type ConversationUpdated =
  | { change: 'title'; title: string }
  | { change: 'archived'; archived: boolean }
  | { change: 'compacted'; summary_through: number }
  | { change: 'few_shot' }
  | { change: 'context' }
  | { change: 'branch' }
  | { change: 'file'; job_id: string }
  | { change: 'reset' }
  | { change: 'deleted' };

export type FileStatus = 'running' | 'complete' | 'failed' | 'cancelled';

/** A file that was given to a conversation, and how far its analysis is: `done` of `of` parts. */
export interface FileJob {
  job_id: string;
  conversation_id: string;
  file_name: string;
  size_bytes: number;
  status: FileStatus;
  done: number;
  of: number;
  error: { message: string; code: string } | null;
}

export type FileProgress = Pick<
  FileJob,
  'job_id' | 'file_name' | 'done' | 'of' | 'status' | 'error'
>;

export interface ErrorData {
  message: string;
  code: string;
  retry_after_ms?: number;
  turn_id?: string;
  conversation_id?: string;
  client_message_id?: string;
}

/** `seq` is missing where the event goes to one connection alone. */
type In<T> = T & { conversation_id: string; seq?: number };

export type ConversationEvent =
  | { event: 'message_accepted'; data: In<MessageAccepted> }
  | { event: 'response_chunk'; data: In<{ chunk: string; turn_id: string }> }
  | { event: 'response_end'; data: In<ResponseEnd> }
  | { event: 'token_usage'; data: In<TokenUsage> }
  | { event: 'conversation_updated'; data: In<ConversationUpdated> }
  | { event: 'file_progress'; data: In<FileProgress> }
  | { event: 'error'; data: In<ErrorData> };

export interface Subscribed {
  conversation_id: string;
  recovered: boolean;
  event_seq: number;
}

export type ServerFrame =
  | ConversationEvent
  | { event: 'response'; data: { data: string } }
  | { event: 'conversation_listed'; data: { conversation: Conversation } }
  | { event: 'conversation_unlisted'; data: { conversation_id: string } }
  | { event: 'list_changed'; data: object }
  | { event: 'subscribed'; data: Subscribed }
  | { event: 'pong'; data: object };

export interface SendMessage {
  message: string;
  conversation_id: string;
  client_message_id: string;
  /** The question in whose place it is asked: then it is said as `edit_message`. */
  message_id?: string;
}

/** What is done to a message that is stored. */
export type MessageCommand = 'regenerate' | 'continue' | 'select_version';
/** A piece of a message that was found. */
export interface Snippet {
  text: string;
  matched: boolean;
}

export interface SearchHit {
  conversation_id: string;
  message_id: string;
  position: number;
  role: Role;
  created_at: string;
  score: number;
  snippet: Snippet[];
}

export interface ModelParameters {
  temperature?: number;
  top_p?: number;
  presence_penalty?: number;
  frequency_penalty?: number;
  seed?: number;
  reasoning_effort?: string;
}

export interface Summary {
  text: string;
  token_count: number;
  /** It stands for the messages up to this position. */
  through: number;
  message_count: number;
  created_at: string;
  author: 'model' | 'user' | 'import';
}

export interface FewShotExample {
  example_id: string;
  user_prompt: string;
  assistant_response: string;
  prompt_tokens: number;
  response_tokens: number;
  created_at: string;
}

/** What goes to the model beside the messages. */
export interface Context {
  system_prompt: { text: string; token_count: number } | null;
  parameters: ModelParameters;
  few_shot_examples: FewShotExample[];
  summary: Summary | null;
  ledger: Ledger;
}

/** What is not named stays as it is. */
export interface ContextChanges {
  system_prompt?: string | null;
  parameters?: ModelParameters;
}

export interface ImportJob {
  import_id: string;
  status: 'running' | 'complete' | 'failed';
  done: number;
  of: number;
  imported: number;
  already_there: number;
  error: { message: string; code: string } | null;
}
