/**
 * Dates in the reader's language and time zone. `locale` is for tests.
 */

/** The time of today's messages; date and time of older ones. */
export function formatTime(date: Date, now: Date, locale = navigator.language): string {
  if (isSameDay(date, now)) return date.toLocaleTimeString(locale, { timeStyle: 'short' });
  const time = { hour: 'numeric', minute: '2-digit' } as const;
  const year = yearUnlessCurrent(date, now);
  return date.toLocaleString(locale, { day: 'numeric', month: 'short', ...year, ...time });
}

/** The complete date and time. */
export function formatFullTime(date: Date, locale = navigator.language): string {
  return date.toLocaleString(locale, { dateStyle: 'full', timeStyle: 'medium' });
}

/** A day as a heading: “Friday, January 2”. The year is omitted in the current one. */
export function formatDay(date: Date, now: Date, locale = navigator.language): string {
  return date.toLocaleDateString(locale, {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    ...yearUnlessCurrent(date, now),
  });
}

/** A date without its weekday: “Jan 2, 2026”. */
export function formatDate(date: Date, locale = navigator.language): string {
  return date.toLocaleDateString(locale, { dateStyle: 'medium' });
}

/** A date in words: “January 2, 2026”. */
export function formatLongDate(date: Date, locale = navigator.language): string {
  return date.toLocaleDateString(locale, { dateStyle: 'long' });
}

/** A month with its year: “January 2026”. */
export function formatMonth(date: Date, locale = navigator.language): string {
  return date.toLocaleDateString(locale, { month: 'long', year: 'numeric' });
}

export function isSameDay(left: Date, right: Date): boolean {
  return left.toDateString() === right.toDateString();
}

export function isYesterday(date: Date, now: Date): boolean {
  return daysBetween(date, now) === 1;
}

/** The number of midnights between two local times; negative if `later` is the earlier one. */
export function daysBetween(earlier: Date, later: Date): number {
  return Math.round((midnight(later) - midnight(earlier)) / 86_400_000);
}

function midnight(date: Date): number {
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
}

function yearUnlessCurrent(date: Date, now: Date): Intl.DateTimeFormatOptions {
  return date.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' };
}
