/** A maximum answer length as typed: `null` is the server default, and `undefined` is invalid. */
export function parseLength(text: string, limit: number): number | null | undefined {
  const trimmed = text.trim().replace(/[\s,.’']/g, '');
  if (trimmed === '') return null;
  const tokens = Number(trimmed);
  return Number.isInteger(tokens) && tokens >= 1 && tokens <= limit ? tokens : undefined;
}
