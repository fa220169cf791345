import { threadWords } from '../../words/thread';
import { formatDay, isSameDay, isYesterday } from '../dates';
import type { ThreadState } from './thread';
import type { ThreadMessage } from './thread-message';

/** A message of the thread, with the separators around it. */
export interface Row {
  /** Stays the same when the message is stored, or when another version replaces it. */
  key: string;
  message: ThreadMessage;
  /** The date heading, if this is the first message of its day in local time. */
  dateHeading: string | null;
  /** Whether the messages just before this one are not loaded. */
  isAfterUnloadedRange: boolean;
  /** Whether this is the last message that the summary covers. */
  isLastSummarised: boolean;
}

/** More messages do not fit on a screen, even if they are short. */
const ROWS_PER_SCREEN = 10;

/** The index of the first of the last rows, which fill a screen of so many characters. */
export function firstRowOfLastScreen(rows: readonly Row[], charactersPerScreen: number): number {
  let index = rows.length;
  let characters = 0;
  while (index > 0 && rows.length - index < ROWS_PER_SCREEN && characters < charactersPerScreen) {
    index -= 1;
    characters += rows[index]?.message.content.length ?? 0;
  }
  return index;
}

/** Converts the loaded messages to rows. */
export function toRows(state: ThreadState, now: Date): Row[] {
  const keys = new Set<string>();
  const firstPosition = positionAfterUnloadedRange(state);
  let previous: ThreadMessage | null = null;
  return state.messages.map((message, index) => {
    const row: Row = {
      key: newKey(keys, message, previous),
      message,
      dateHeading: dateHeading(previous, message, now),
      isAfterUnloadedRange: firstPosition !== null && message.position === firstPosition,
      isLastSummarised: isLastSummarised(state, message, state.messages[index + 1]),
    };
    previous = message;
    return row;
  });
}

/** Derives the key from the parent: only one of the messages with the same parent is visible. */
function newKey(keys: Set<string>, message: ThreadMessage, previous: ThreadMessage | null): string {
  const parentKey = `after ${message.parentId ?? previous?.id ?? 'nothing'}`;
  const key = keys.has(parentKey) ? message.id : parentKey;
  keys.add(key);
  return key;
}

function positionAfterUnloadedRange({ unloadedRange, messages }: ThreadState): number | null {
  if (unloadedRange === null) return null;
  return (
    messages.find(({ position }) => (position ?? 0) >= unloadedRange.beforePosition)?.position ??
    null
  );
}

function isLastSummarised(
  { summaryThrough }: ThreadState,
  { position }: ThreadMessage,
  next: ThreadMessage | undefined,
): boolean {
  if (position === null || position > summaryThrough) return false;
  return next === undefined || next.position === null || next.position > summaryThrough;
}

function dateHeading(
  previous: ThreadMessage | null,
  message: ThreadMessage,
  now: Date,
): string | null {
  if (message.createdAt === null) return null;
  const date = new Date(message.createdAt);
  const previousDate = previous?.createdAt ? new Date(previous.createdAt) : now;
  return isSameDay(date, previousDate) ? null : dayLabel(date, now);
}

function dayLabel(date: Date, now: Date): string {
  if (isSameDay(date, now)) return threadWords.today();
  return isYesterday(date, now) ? threadWords.yesterday() : formatDay(date, now);
}
