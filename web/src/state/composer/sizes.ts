const UNITS = ['bytes', 'KB', 'MB', 'GB'];

/** Formats a size in decimal units, as file managers do: 1 MB is 1 000 000 bytes. */
export function formatSize(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const size = (bytes / 1000 ** power).toLocaleString('en', { maximumFractionDigits: 1 });
  return `${size} ${bytes === 1 ? 'byte' : (UNITS[power] ?? '')}`;
}

/** Less than a WebSocket frame, which holds 1 MiB: the fields around the message need a part of it. */
export const MAX_MESSAGE_BYTES = 1_000_000;

/** The number of bytes that a text takes in a frame. */
export function messageBytes(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length;
}
