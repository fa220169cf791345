import type { MessagePage } from '../../api/types';
import { isUnstored, toThreadMessage, type ThreadMessage } from './thread-message';

/** A range of messages that are not loaded, although older ones are. Both positions are exclusive. */
export interface UnloadedRange {
  afterPosition: number;
  beforePosition: number;
}

/** The loaded part of a conversation: all messages from `nextBefore` on, except for at most one range. */
export interface LoadedMessages {
  /** Oldest first. Unstored messages come last. */
  messages: readonly ThreadMessage[];
  /** The next older page ends before this position; `null` if everything older is loaded. */
  nextBefore: number | null;
  unloadedRange: UnloadedRange | null;
}

/** The number of messages in a page. */
export const PAGE_SIZE = 50;

/**
 * Replaces the newest messages with this page. Keeps the older ones up to the parent of the page's first message.
 * Also keeps messages that the page can't contain: unstored ones and the streaming answer.
 */
export function withNewest(loaded: LoadedMessages, page: MessagePage): LoadedMessages {
  const stored = page.messages.map(toThreadMessage);
  const ids = new Set(stored.map(({ id }) => id));
  const pending = loaded.messages.filter(
    (message) => !ids.has(message.id) && (isUnstored(message) || isStreamingIn(message, page)),
  );
  const parent = loaded.messages.findIndex(({ id }) => id === stored[0]?.parentId);
  const older = loaded.messages.slice(0, parent + 1);
  const isRangeKept =
    loaded.unloadedRange !== null &&
    loaded.unloadedRange.beforePosition <= (older.at(-1)?.position ?? 0);
  return {
    messages: [...older, ...stored, ...pending],
    nextBefore: older.length > 0 ? loaded.nextBefore : (page.next_before ?? null),
    unloadedRange: isRangeKept ? loaded.unloadedRange : null,
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

/** Adds the page that ends before `before`. There may be an unloaded range between it and the newest messages. */
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
    unloadedRange: start > before ? { afterPosition: before - 1, beforePosition: start } : null,
  };
}

/** The end, exclusive, of the first or last page of an unloaded range. */
export function unloadedPageEnd(unloadedRange: UnloadedRange, fromStart: boolean): number {
  return fromStart
    ? Math.min(unloadedRange.afterPosition + 1 + PAGE_SIZE, unloadedRange.beforePosition)
    : unloadedRange.beforePosition;
}

/** Adds the page of the unloaded range that ends before `before`. */
export function withUnloadedPage(
  loaded: LoadedMessages,
  page: MessagePage,
  before: number,
): LoadedMessages {
  const { unloadedRange } = loaded;
  if (unloadedRange === null) return loaded;
  const messages = merge(loaded.messages, page);
  if (before < unloadedRange.beforePosition)
    return { ...loaded, messages, unloadedRange: { ...unloadedRange, afterPosition: before - 1 } };
  const start = page.next_before ?? 0;
  return {
    ...loaded,
    messages,
    unloadedRange:
      start - 1 > unloadedRange.afterPosition ? { ...unloadedRange, beforePosition: start } : null,
  };
}

/**
 * Returns the message at this position or, if another version of it is visible, the next message. Returns
 * `undefined` if it is not loaded.
 */
export function messageAt(
  { messages, nextBefore, unloadedRange }: LoadedMessages,
  position: number,
) {
  if (nextBefore !== null && position < nextBefore) return undefined;
  if (
    unloadedRange !== null &&
    position > unloadedRange.afterPosition &&
    position < unloadedRange.beforePosition
  )
    return undefined;
  return messages.find((message) => message.position !== null && message.position >= position);
}

function newestPart({ messages, unloadedRange }: LoadedMessages): readonly ThreadMessage[] {
  if (unloadedRange === null) return messages;
  return messages.filter(
    ({ position }) => position === null || position >= unloadedRange.beforePosition,
  );
}

function merge(loaded: readonly ThreadMessage[], page: MessagePage): ThreadMessage[] {
  const ids = new Set(loaded.map(({ id }) => id));
  const added = page.messages.filter(({ message_id }) => !ids.has(message_id)).map(toThreadMessage);
  return [...added, ...loaded].sort((left, right) => sortKey(left) - sortKey(right));
}

function sortKey({ position }: ThreadMessage): number {
  return position ?? Number.MAX_SAFE_INTEGER;
}

function isStreamingIn({ turnId, status }: ThreadMessage, page: MessagePage): boolean {
  return status === 'streaming' && turnId === page.running_turn;
}
