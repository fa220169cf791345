import type { Message, MessageStatus, Role } from '../../api/types';

/** Why a message was not sent, or why an answer is incomplete. */
export interface Problem {
  message: string;
  code: string;
  /** When the user may try again, in milliseconds since 1970; `null` if unknown. */
  retryAt: number | null;
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
  status: MessageStatus | 'streaming' | 'sending' | 'unsent';
  position: number | null;
  createdAt: string | null;
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
    status: message.status,
    position: message.position,
    createdAt: message.created_at,
    versions: message.versions ?? [message.message_id],
    problem: message.error ? { ...message.error, retryAt: null } : null,
  };
}

/** Creates a message that is shown before the server has accepted it. */
export function optimisticMessage(clientMessageId: string, content: string): ThreadMessage {
  return {
    id: clientMessageId,
    parentId: null,
    turnId: null,
    role: 'user',
    content,
    status: 'sending',
    position: null,
    createdAt: null,
    versions: [clientMessageId],
    problem: null,
  };
}

export function isUnstored(message: ThreadMessage): boolean {
  return message.status === 'sending' || message.status === 'unsent';
}
