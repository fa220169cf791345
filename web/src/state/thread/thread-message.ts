import type { Message, MessageStatus, Role } from '../../api/types';

/** Why a message was not sent, or has no whole answer. */
export interface Problem {
  message: string;
  code: string;
  /** When it may be tried again, in milliseconds since 1970; `null` if that was not said. */
  retryAt: number | null;
}

export interface ThreadMessage {
  /** The message's id; of one that is not stored yet, the name this browser gave it. */
  id: string;
  /** The message before it; `null` of the first, and where it is not known. */
  parentId: string | null;
  turnId: string | null;
  role: Role;
  content: string;
  status: MessageStatus | 'streaming' | 'sending' | 'unsent';
  position: number | null;
  createdAt: string | null;
  /** The ids of all its versions, oldest first, its own among them. */
  versions: readonly string[];
  problem: Problem | null;
}

export function shown(message: Message): ThreadMessage {
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

/** A message that this browser has written, and the server not confirmed. */
export function onItsWay(clientMessageId: string, content: string): ThreadMessage {
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
