/**
 * Numbers in the reader's language. That of the browser's own interface, the default of `Intl`, may be another.
 * `locale` is for tests.
 */

/** Formats a number. */
export function formatNumber(number: number, locale = navigator.language): string {
  return number.toLocaleString(locale);
}

/** Formats a number with at most one decimal place. */
export function formatTenths(number: number, locale = navigator.language): string {
  return number.toLocaleString(locale, { maximumFractionDigits: 1 });
}

/** Formats a count of things: “1 token”, “1,200 tokens”. The plural of `noun` must end in “s”. */
export function formatCount(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`;
}
