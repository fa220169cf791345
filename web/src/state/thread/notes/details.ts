import { messageDetailWords } from '../../../words/thread';
import { formatNumber, formatTenths } from '../../numbers';
import type { ThreadMessage } from '../thread-message';

/** The details of an answer as texts: the model, the tokens and the seconds, as far as they are known. */
export function detailsOf(message: ThreadMessage, model: string | null): string[] {
  if (message.role === 'user') return [];
  const { tokenCount } = message;
  const seconds = secondsOf(message);
  return [
    model,
    tokenCount === null || tokenCount === 0 ? null : messageDetailWords.tokens(tokenCount),
    seconds === null ? null : messageDetailWords.duration(formatSeconds(seconds)),
  ].filter((text) => text !== null);
}

/** How long the answer took; `null` if that is unknown. */
function secondsOf({ createdAt, endedAt }: ThreadMessage): number | null {
  if (createdAt === null || endedAt === null) return null;
  const seconds = (Date.parse(endedAt) - Date.parse(createdAt)) / 1000;
  return seconds >= 0 ? seconds : null;
}

/** Shows tenths only of short times. */
export function formatSeconds(seconds: number): string {
  return seconds < 10 ? formatTenths(seconds) : formatNumber(Math.round(seconds));
}
