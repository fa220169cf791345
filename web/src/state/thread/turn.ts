import type { MessageAccepted, ReasoningChunk } from '../../api/types';
import { isUnstored, type Reasoning, type ThreadMessage } from './thread-message';

/**
 * Applies the start of a turn: its question and its answer become the end of the visible path. Only
 * unstored messages follow them. An answer that exists already is continued.
 */
export function startTurn(
  messages: readonly ThreadMessage[],
  accepted: MessageAccepted,
): ThreadMessage[] {
  const earlier = messages.filter(
    ({ position }) => position !== null && position < accepted.position,
  );
  const unstored = messages.filter(
    (message) => isUnstored(message) && message.id !== accepted.client_message_id,
  );
  const existingQuestion = messages.find(({ id }) => id === accepted.message_id);
  return [
    ...earlier,
    question(accepted, existingQuestion, earlier.at(-1)?.id ?? null),
    answer(accepted, messages),
    ...unstored,
  ];
}

export function answerOf(
  messages: readonly ThreadMessage[],
  turnId: string,
): ThreadMessage | undefined {
  return messages.findLast((message) => message.turnId === turnId && message.role === 'assistant');
}

/** Replaces the message, or appends it. */
export function upsert(
  messages: readonly ThreadMessage[],
  changed: ThreadMessage,
): readonly ThreadMessage[] {
  const index = messages.findLastIndex(({ id }) => id === changed.id);
  return index < 0 ? [...messages, changed] : messages.with(index, changed);
}

export function withChunk(reasoning: Reasoning | null, chunk: ReasoningChunk): Reasoning {
  return { text: (reasoning?.text ?? '') + chunk.chunk, durationMs: chunk.duration_ms };
}

export function withDuration(reasoning: Reasoning | null, durationMs?: number): Reasoning | null {
  return reasoning && { ...reasoning, durationMs: durationMs ?? reasoning.durationMs };
}

function question(
  accepted: MessageAccepted,
  existingQuestion: ThreadMessage | undefined,
  parentId: string | null,
): ThreadMessage {
  return {
    id: accepted.message_id,
    parentId: existingQuestion?.parentId ?? parentId,
    turnId: accepted.turn_id,
    role: 'user',
    content: accepted.content,
    reasoning: null,
    status: 'complete',
    position: accepted.position,
    createdAt: accepted.created_at,
    endedAt: null,
    tokenCount: accepted.token_count,
    model: null,
    versions: existingQuestion?.versions ?? [accepted.message_id],
    problem: null,
  };
}

function answer(accepted: MessageAccepted, messages: readonly ThreadMessage[]): ThreadMessage {
  const existingAnswer = messages.find(({ id }) => id === accepted.answer_id);
  const sibling = messages.find(({ parentId }) => parentId === accepted.message_id);
  const versions = existingAnswer?.versions ?? [...(sibling?.versions ?? []), accepted.answer_id];
  return {
    id: accepted.answer_id,
    parentId: accepted.message_id,
    turnId: accepted.turn_id,
    role: 'assistant',
    content: existingAnswer?.content ?? '',
    reasoning: existingAnswer?.reasoning ?? null,
    status: 'streaming',
    position: existingAnswer?.position ?? accepted.position + 1,
    createdAt: existingAnswer?.createdAt ?? accepted.created_at,
    endedAt: null,
    tokenCount: null,
    model: accepted.model ?? null,
    versions,
    problem: null,
  };
}
