import type { ThreadState } from './thread';
import type { ThreadMessage } from './thread-message';

/** A message of the thread, with the separators around it. */
export interface Row {
  /** Does not change when the message is stored, or when another version takes its place. */
  key: string;
  message: ThreadMessage;
  /** The heading of the local day that begins with this message. */
  day: string | null;
  /** The messages just before this one are not loaded. */
  isAfterGap: boolean;
  /** This is the last message that the summary covers. */
  endsSummary: boolean;
}

export function rows(state: ThreadState, now: Date): Row[] {
  const keys = new Set<string>();
  const afterGap = firstAfterGap(state);
  let previous: ThreadMessage | null = null;
  return state.messages.map((message, index) => {
    const row: Row = {
      key: newKey(keys, message, previous),
      message,
      day: dayHeading(previous, message, now),
      isAfterGap: afterGap !== null && message.position === afterGap,
      endsSummary: isSummaryEnd(state, message, state.messages[index + 1]),
    };
    previous = message;
    return row;
  });
}

/** Only one of the messages with the same parent is visible, so the parent identifies the row. */
function newKey(keys: Set<string>, message: ThreadMessage, previous: ThreadMessage | null): string {
  const slot = `after ${message.parentId ?? previous?.id ?? 'nothing'}`;
  const key = keys.has(slot) ? message.id : slot;
  keys.add(key);
  return key;
}

function firstAfterGap({ gap, messages }: ThreadState): number | null {
  if (gap === null) return null;
  return messages.find(({ position }) => (position ?? 0) >= gap.beforePosition)?.position ?? null;
}

function isSummaryEnd(
  { summaryEnd }: ThreadState,
  { position }: ThreadMessage,
  next: ThreadMessage | undefined,
): boolean {
  if (position === null || position > summaryEnd) return false;
  return next === undefined || next.position === null || next.position > summaryEnd;
}

function dayHeading(
  previous: ThreadMessage | null,
  message: ThreadMessage,
  now: Date,
): string | null {
  if (message.createdAt === null) return null;
  const day = new Date(message.createdAt);
  const lastDay = previous?.createdAt ? new Date(previous.createdAt) : now;
  return day.toDateString() === lastDay.toDateString() ? null : dayName(day, now);
}

function dayName(day: Date, now: Date): string {
  if (day.toDateString() === now.toDateString()) return 'Today';
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (day.toDateString() === yesterday.toDateString()) return 'Yesterday';
  const year = day.getFullYear() === now.getFullYear() ? {} : ({ year: 'numeric' } as const);
  return day.toLocaleDateString('en', { weekday: 'long', day: 'numeric', month: 'long', ...year });
}
