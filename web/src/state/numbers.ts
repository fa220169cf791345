/** Formats a number in the reader's language. */
export function formatNumber(number: number, locale?: string): string {
  return number.toLocaleString(locale);
}

/** Formats a count of things: “1 token”, “1,200 tokens”. The plural of `noun` must end in “s”. */
export function formatCount(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`;
}
