import { sizeWords as words } from '../../words/files';

const UNITS = [words.bytes, words.kilobytes, words.megabytes, words.gigabytes] as const;

/** Formats a size in decimal (SI) units: 1 MB is 1 000 000 bytes. */
export function formatSize(bytes: number): string {
  let size = bytes;
  let power = 0;
  // Choose the unit by the rounded number, so that 999 999 bytes are 1 MB and not 1,000 KB.
  while (roundToTenths(size) >= 1000 && power < UNITS.length - 1) {
    size /= 1000;
    power += 1;
  }
  return (UNITS[power] ?? words.bytes)(roundToTenths(size));
}

function roundToTenths(number: number): number {
  return Math.round(number * 10) / 10;
}

/**
 * The maximum size of a message's text as JSON, so that it fits a frame of the default 1 MiB
 * (`WS_MAX_FRAME_KB`).
 */
export const MAX_MESSAGE_BYTES = 1_000_000;

/** Returns the size of a text as JSON, in bytes. */
export function jsonBytes(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length;
}
