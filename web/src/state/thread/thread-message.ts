import type { Message, MessageStatus, Role } from '../../api/types';

/** What the user can do about a message that was not sent, or about an incomplete answer. */
export type Action =
  'continue' | 'regenerate' | 'send-again' | 'edit' | 'attach' | 'settings' | 'answer-length';

/** Why a message was not sent, or why an answer is incomplete. */
export interface Problem {
  message: string;
  code: string;
  /** When the page tries again by itself, in milliseconds since 1970; `null` if it doesn't. */
  retryAt: number | null;
}

/** The model’s reasoning before an answer. */
export interface Reasoning {
  text: string;
  /** How long the model has reasoned so far. */
  durationMs: number;
}

/** A message of the open conversation, stored or not. */
export interface ThreadMessage {
  /** The message's id; its `client_message_id` until it is stored. */
  id: string;
  /** The id of the previous message; `null` for the first one, or if unknown. */
  parentId: string | null;
  turnId: string | null;
  role: Role;
  content: string;
  /** `null` without reasoning. */
  reasoning: Reasoning | null;
  status: MessageStatus | 'streaming' | 'sending' | 'unsent';
  position: number | null;
  createdAt: string | null;
  /** When an answer was complete; `null` if unknown. */
  endedAt: string | null;
  /** The number of tokens of the text; `null` if unknown. */
  tokenCount: number | null;
  /** The id of the model that generated an answer; `null` if unknown. */
  model: string | null;
  /** The ids of all versions, oldest first, including this message. */
  versions: readonly string[];
  problem: Problem | null;
}

export function toThreadMessage(message: Message): ThreadMessage {
  return {
    id: message.message_id,
    parentId: message.parent_id,
    turnId: message.turn_id,
    role: message.role,
    content: message.content,
    reasoning: toReasoning(message.reasoning),
    status: message.status,
    position: message.position,
    createdAt: message.created_at,
    endedAt: message.ended_at ?? null,
    tokenCount: message.token_count,
    model: message.model ?? null,
    versions: message.versions ?? [message.message_id],
    problem: message.error ? { ...message.error, retryAt: null } : null,
  };
}

function toReasoning(reasoning: Message['reasoning']): Reasoning | null {
  return reasoning ? { text: reasoning.text, durationMs: reasoning.duration_ms } : null;
}

/** Creates a message that is shown before the server has accepted it. */
export function optimisticMessage(clientMessageId: string, content: string): ThreadMessage {
  return {
    id: clientMessageId,
    parentId: null,
    turnId: null,
    role: 'user',
    content,
    reasoning: null,
    status: 'sending',
    position: null,
    createdAt: null,
    endedAt: null,
    tokenCount: null,
    model: null,
    versions: [clientMessageId],
    problem: null,
  };
}

/** Whether the text has nothing to read. Some models answer with white space. */
export function isBlank({ content }: Pick<ThreadMessage, 'content'>): boolean {
  return content.trim() === '';
}

export function isUnstored(message: ThreadMessage): boolean {
  return message.status === 'sending' || message.status === 'unsent';
}
