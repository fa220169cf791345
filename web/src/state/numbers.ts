/**
 * Numbers in the reader's language. That of the browser's own interface, the default of `Intl`, may be another.
 * `locale` is for tests.
 */

/** Creating a format takes longer than the rest of a rendering. */
const formats = new Map<string, Intl.NumberFormat>();

/** Formats a number. */
export function formatNumber(number: number, locale = navigator.language): string {
  return numberFormat(locale, 3).format(number);
}

/** Formats a number with at most one decimal place. */
export function formatTenths(number: number, locale = navigator.language): string {
  return numberFormat(locale, 1).format(number);
}

/** Formats a count of things: “1 token”, “1,200 tokens”. The plural of `noun` must end in “s”. */
export function formatCount(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function numberFormat(locale: string, maximumFractionDigits: number): Intl.NumberFormat {
  const key = `${locale} ${maximumFractionDigits}`;
  const known = formats.get(key);
  if (known) return known;
  const created = new Intl.NumberFormat(locale, { maximumFractionDigits });
  formats.set(key, created);
  return created;
}
