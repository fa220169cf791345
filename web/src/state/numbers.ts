export function formatNumber(number: number): string {
  return number.toLocaleString('en');
}

/** Formats a count of things: “1 token”, “1,200 tokens”. The plural of `noun` must end in “s”. */
export function formatCount(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`;
}
