import type { MessagePage } from '../../api/types';
import { isUnstored, toThreadMessage, type ThreadMessage } from './thread-message';

/** A gap between loaded messages: those between these two positions, exclusive, are not loaded. */
export interface Gap {
  afterPosition: number;
  beforePosition: number;
}

/** The loaded part of a conversation: everything from position `nextBefore` on, except for at most one gap. */
export interface LoadedMessages {
  /** Oldest first; unstored messages come last. */
  messages: readonly ThreadMessage[];
  /** The position before which the next older page ends; `null` at the beginning. */
  nextBefore: number | null;
  gap: Gap | null;
}

/** The number of messages in a page. */
export const PAGE_SIZE = 50;

/**
 * Replaces the newest messages with this page. Keeps older messages if the page continues them. Also keeps
 * messages that the page can't contain: unstored ones and the answer that is streaming.
 */
export function withNewest(loaded: LoadedMessages, page: MessagePage): LoadedMessages {
  const stored = page.messages.map(toThreadMessage);
  const ids = new Set(stored.map(({ id }) => id));
  const pending = loaded.messages.filter(
    (message) => !ids.has(message.id) && (isUnstored(message) || isStreamingIn(message, page)),
  );
  const parent = loaded.messages.findIndex(({ id }) => id === stored[0]?.parentId);
  const older = loaded.messages.slice(0, parent + 1);
  const isGapKept =
    loaded.gap !== null && loaded.gap.beforePosition <= (older.at(-1)?.position ?? 0);
  return {
    messages: [...older, ...stored, ...pending],
    nextBefore: older.length > 0 ? loaded.nextBefore : (page.next_before ?? null),
    gap: isGapKept ? loaded.gap : null,
  };
}

/** Adds the next older page. */
export function withOlder(loaded: LoadedMessages, page: MessagePage): LoadedMessages {
  return {
    ...loaded,
    messages: merge(loaded.messages, page),
    nextBefore: page.next_before ?? null,
  };
}

/** Adds the page that ends before `before`. There may be a gap between it and the newest messages. */
export function withDistantPage(
  loaded: LoadedMessages,
  page: MessagePage,
  before: number,
): LoadedMessages {
  const newest = newestPart(loaded);
  const start = newest.find(({ position }) => position !== null)?.position ?? before;
  return {
    messages: merge(newest, page),
    nextBefore: page.next_before ?? null,
    gap: start > before ? { afterPosition: before - 1, beforePosition: start } : null,
  };
}

/** The position before which the page ends that fills the gap from its start, or from its end. */
export function gapPageEnd(gap: Gap, fromStart: boolean): number {
  return fromStart
    ? Math.min(gap.afterPosition + 1 + PAGE_SIZE, gap.beforePosition)
    : gap.beforePosition;
}

/** Adds a page of the gap: the one that ends before `before`. */
export function withGapPage(
  loaded: LoadedMessages,
  page: MessagePage,
  before: number,
): LoadedMessages {
  const { gap } = loaded;
  if (gap === null) return loaded;
  const messages = merge(loaded.messages, page);
  if (before < gap.beforePosition)
    return { ...loaded, messages, gap: { ...gap, afterPosition: before - 1 } };
  const start = page.next_before ?? 0;
  return {
    ...loaded,
    messages,
    gap: start - 1 > gap.afterPosition ? { ...gap, beforePosition: start } : null,
  };
}

/**
 * The message at this position or, if another version is visible, the next one. `undefined` if it is not
 * loaded.
 */
export function messageAt({ messages, nextBefore, gap }: LoadedMessages, position: number) {
  if (nextBefore !== null && position < nextBefore) return undefined;
  if (gap !== null && position > gap.afterPosition && position < gap.beforePosition)
    return undefined;
  return messages.find((message) => message.position !== null && message.position >= position);
}

function newestPart({ messages, gap }: LoadedMessages): readonly ThreadMessage[] {
  if (gap === null) return messages;
  return messages.filter(({ position }) => position === null || position >= gap.beforePosition);
}

function merge(loaded: readonly ThreadMessage[], page: MessagePage): ThreadMessage[] {
  const ids = new Set(loaded.map(({ id }) => id));
  const added = page.messages.filter(({ message_id }) => !ids.has(message_id)).map(toThreadMessage);
  return [...added, ...loaded].sort((one, other) => sortKey(one) - sortKey(other));
}

function sortKey({ position }: ThreadMessage): number {
  return position ?? Number.MAX_SAFE_INTEGER;
}

function isStreamingIn({ turnId, status }: ThreadMessage, page: MessagePage): boolean {
  return status === 'streaming' && turnId === page.running_turn;
}
