const UNITS = ['bytes', 'KB', 'MB', 'GB'];

/** `1 MB` are 1 000 000 bytes, as file managers have it. */
export function sizeInWords(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const size = (bytes / 1000 ** power).toLocaleString('en', { maximumFractionDigits: 1 });
  return `${size} ${bytes === 1 ? 'byte' : (UNITS[power] ?? '')}`;
}

/** A frame of the WebSocket has 1 MiB, of which some is for what stands around the message. */
export const LONGEST_MESSAGE_BYTES = 1_000_000;

/** What a message takes in a frame. */
export function messageBytes(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length;
}
