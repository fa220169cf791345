/** 512 bytes, 1.5 KB, 5 MB: as file managers write it. */
export function sizeInWords(bytes: number): string {
  const [size, unit] =
    bytes < 1024
      ? [bytes, bytes === 1 ? 'byte' : 'bytes']
      : bytes < 1024 ** 2
        ? [bytes / 1024, 'KB']
        : [bytes / 1024 ** 2, 'MB'];
  return `${size.toLocaleString('en', { maximumFractionDigits: 1 })} ${unit}`;
}

/** A frame of the WebSocket has 1 MiB, of which some is for what stands around the message. */
export const LONGEST_MESSAGE_BYTES = 1_000_000;

/** What a message takes in a frame. */
export function messageBytes(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length;
}
