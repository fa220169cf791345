import type { ThreadMessage } from './thread-message';
import type { ThreadState } from './thread';

/** A message, and what stands around it. */
export interface Row {
  /** Stays when a message gets its id, or gives way to another version of it. */
  key: string;
  message: ThreadMessage;
  /** The day that begins with it, as the reader's calendar has it. */
  day: string | null;
  /** Messages before it are not loaded. */
  isAfterGap: boolean;
  /** The summary stands for all up to here. */
  endsSummary: boolean;
}

export function rows(state: ThreadState, now: Date): Row[] {
  const keys = new Set<string>();
  const afterGap = firstAfterGap(state);
  let before: ThreadMessage | null = null;
  return state.messages.map((message, at) => {
    const row: Row = {
      key: newKey(keys, message, before),
      message,
      day: beginningDay(before, message, now),
      isAfterGap: afterGap !== null && message.position === afterGap,
      endsSummary: isSummaryEnd(state, message, state.messages[at + 1]),
    };
    before = message;
    return row;
  });
}

/** Of all messages that may follow another one, one is seen: what they follow names its place. */
function newKey(keys: Set<string>, message: ThreadMessage, before: ThreadMessage | null): string {
  const place = `after ${message.parentId ?? before?.id ?? 'nothing'}`;
  const key = keys.has(place) ? message.id : place;
  keys.add(key);
  return key;
}

function firstAfterGap({ gap, messages }: ThreadState): number | null {
  if (gap === null) return null;
  return messages.find(({ position }) => (position ?? 0) >= gap.before)?.position ?? null;
}

function isSummaryEnd(
  { summaryThrough: through }: ThreadState,
  { position }: ThreadMessage,
  next: ThreadMessage | undefined,
): boolean {
  if (position === null || position > through) return false;
  return next === undefined || next.position === null || next.position > through;
}

function beginningDay(
  before: ThreadMessage | null,
  message: ThreadMessage,
  now: Date,
): string | null {
  if (message.createdAt === null) return null;
  const day = new Date(message.createdAt);
  const last = before?.createdAt ? new Date(before.createdAt) : now;
  return day.toDateString() === last.toDateString() ? null : dayName(day, now);
}

function dayName(day: Date, now: Date): string {
  if (day.toDateString() === now.toDateString()) return 'Today';
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (day.toDateString() === yesterday.toDateString()) return 'Yesterday';
  const year = day.getFullYear() === now.getFullYear() ? {} : ({ year: 'numeric' } as const);
  return day.toLocaleDateString('en', { weekday: 'long', day: 'numeric', month: 'long', ...year });
}
