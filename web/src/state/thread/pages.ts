import type { MessagePage } from '../../api/types';
import { isUnstored, shown, type ThreadMessage } from './thread-message';

/** Messages that are not loaded, between loaded ones: the positions between these two. */
export interface Gap {
  after: number;
  before: number;
}

/** The part of a conversation that is loaded: all of it from `nextBefore` on, but for one gap. */
export interface Loaded {
  /** Oldest first; what is not stored yet comes last. */
  messages: readonly ThreadMessage[];
  /** Where the page of older messages ends; `null` at the beginning. */
  nextBefore: number | null;
  gap: Gap | null;
}

/** As many messages as a page has. */
export const PAGE_SIZE = 50;

/**
 * The newest page, in place of what was known. Older messages stay where the page goes on from them,
 * and so does what the page can't have: what is not stored yet, and the answer being made.
 */
export function withNewest(known: Loaded, page: MessagePage): Loaded {
  const stored = page.messages.map(shown);
  const ids = new Set(stored.map(({ id }) => id));
  const pending = known.messages.filter(
    (message) => !ids.has(message.id) && (isUnstored(message) || isBeingMade(message, page)),
  );
  const parent = known.messages.findIndex(({ id }) => id === stored[0]?.parentId);
  const older = known.messages.slice(0, parent + 1);
  const isGapKept = known.gap !== null && known.gap.before <= (older.at(-1)?.position ?? 0);
  return {
    messages: [...older, ...stored, ...pending],
    nextBefore: older.length > 0 ? known.nextBefore : page.next_before,
    gap: isGapKept ? known.gap : null,
  };
}

export function withOlder(known: Loaded, page: MessagePage): Loaded {
  return { ...known, messages: merge(known.messages, page), nextBefore: page.next_before };
}

/** The page that ends before `before`, beside the newest messages: a gap may lie between. */
export function withDistant(known: Loaded, page: MessagePage, before: number): Loaded {
  const newest = newestPart(known);
  const begin = newest.find(({ position }) => position !== null)?.position ?? before;
  return {
    messages: merge(newest, page),
    nextBefore: page.next_before,
    gap: begin > before ? { after: before - 1, before: begin } : null,
  };
}

/** The end of the page that fills the gap from its beginning, or from its end. */
export function fillBefore(gap: Gap, fromBegin: boolean): number {
  return fromBegin ? Math.min(gap.after + 1 + PAGE_SIZE, gap.before) : gap.before;
}

/** A page of what was missing, that was asked for with `before`. */
export function withFilled(known: Loaded, page: MessagePage, before: number): Loaded {
  const { gap } = known;
  if (gap === null) return known;
  const messages = merge(known.messages, page);
  if (before < gap.before) return { ...known, messages, gap: { ...gap, after: before - 1 } };
  const begin = page.next_before ?? 0;
  return { ...known, messages, gap: begin - 1 > gap.after ? { ...gap, before: begin } : null };
}

/** The message at this position or, if it can't be seen, the next one. */
export function messageAt({ messages, nextBefore, gap }: Loaded, position: number) {
  if (nextBefore !== null && position < nextBefore) return undefined;
  if (gap !== null && position > gap.after && position < gap.before) return undefined;
  return messages.find((message) => message.position !== null && message.position >= position);
}

function newestPart({ messages, gap }: Loaded): readonly ThreadMessage[] {
  if (gap === null) return messages;
  return messages.filter(({ position }) => position === null || position >= gap.before);
}

function merge(known: readonly ThreadMessage[], page: MessagePage): ThreadMessage[] {
  const ids = new Set(known.map(({ id }) => id));
  const added = page.messages.filter(({ message_id }) => !ids.has(message_id)).map(shown);
  return [...added, ...known].sort((one, other) => place(one) - place(other));
}

function place({ position }: ThreadMessage): number {
  return position ?? Number.MAX_SAFE_INTEGER;
}

function isBeingMade({ turnId, status }: ThreadMessage, page: MessagePage): boolean {
  return status === 'streaming' && turnId === page.running_turn;
}
