const UNITS = ['bytes', 'KB', 'MB', 'GB'];

/** Formats a size in decimal units, as file managers do: 1 MB is 1 000 000 bytes. */
export function formatSize(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const size = (bytes / 1000 ** power).toLocaleString('en', { maximumFractionDigits: 1 });
  return `${size} ${bytes === 1 ? 'byte' : (UNITS[power] ?? '')}`;
}

/** The maximum size of a message: less than the 1 MiB of a frame, which also holds the other fields. */
export const MAX_MESSAGE_BYTES = 1_000_000;

/** The size of a text in a frame, in bytes. */
export function messageBytes(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length;
}
