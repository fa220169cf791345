const MAX_LINES = 12;
/** Fewer characters than fit into a line, so that only long texts are measured. */
const CHARACTERS_PER_LINE = 40;

/** Whether a text may need more lines than a folded text shows. */
export function mayBeLong(text: string): boolean {
  let lines = 0;
  for (const line of text.split('\n', MAX_LINES + 1)) {
    lines += Math.max(1, Math.ceil(line.length / CHARACTERS_PER_LINE));
  }
  return lines > MAX_LINES;
}
