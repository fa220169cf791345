import type { AuditEntry } from '../../api/types';
import { formatFullTime } from '../../state/dates';
import { auditWords as words } from '../../words/admin';

/** The name of who did something. */
export function actorName({ actor }: AuditEntry): string {
  return actor.name ?? (actor.via === 'command_line' ? words.operator() : words.nobody());
}

/** The details of an entry, as pairs of a name and a text. */
export function detailsOf(entry: AuditEntry): [string, string][] {
  const { at, actor, subject } = entry;
  const own = Object.entries('details' in entry ? entry.details : {})
    .filter(([, value]) => value !== null)
    .map(([name, value]): [string, string] => [words.detail(name), text(value)]);
  const common: [string, string | null | undefined][] = [
    [words.time(), formatFullTime(new Date(at))],
    [words.subject(), subject?.name],
    [words.via(), words.accessMethod(actor.via)],
    [words.address(), actor.address],
    [words.requestId(), actor.request_id],
    [words.subjectId(), subject?.user_id],
    [words.number(), String(entry.number)],
    [words.hash(), entry.hash],
  ];
  return [
    ...own,
    ...common.filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  ];
}

/** The beginning of a local day, plus a number of days, in ISO 8601; `''` without a day. */
export function startOfDay(day: string, plusDays: number): string {
  const date = new Date(`${day}T00:00`);
  if (Number.isNaN(date.getTime())) return '';
  date.setDate(date.getDate() + plusDays);
  return date.toISOString();
}

function text(value: unknown): string {
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
