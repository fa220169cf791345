/** Where a sentence ends: at its mark with a space behind, at marks that need none, at a line's end. */
const END = /[.!?…](?=["'”’)\]]*\s)["'”’)\]]*|[。！？]|\n/gu;

/**
 * The whole sentences of a text that grows, from `from` on, and where they end. Markdown's marks are
 * not said, and of code only that it is there.
 */
export function wholeSentences(text: string, from: number): { words: string; end: number } {
  const end = lastEnd(text, from);
  return { words: speakable(text.slice(from, end)), end };
}

export function speakable(markdown: string): string {
  return markdown
    .replace(/^ {0,3}(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ {0,3}\1[^\n]*$/gm, ' Code. ')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^\s*(?:#{1,6}|>|[-*+])\s+/gm, '')
    .replace(/\|?\s*:?-{3,}:?\s*\|?/g, ' ')
    .replace(/[*`]+|(?<!\w)_+|_+(?!\w)/g, '')
    .replace(/\|/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** A piece of markdown to be read in one line, without the marks that would be in the way. */
export function unmarked(piece: string): string {
  return piece
    .replace(/(?:\|?\s*:?-{3,}:?\s*)+\|?/g, ' ')
    .replace(/(^|\s)#{1,6}\s/g, '$1')
    .replace(/\*\*|`+/g, '')
    .replace(/\s*\|\s*/g, ' ')
    .replace(/\s+/g, ' ');
}

/** A block of code is said when it is closed. */
function lastEnd(text: string, from: number): number {
  const fences = [...text.slice(from).matchAll(/^ {0,3}(?:`{3,}|~{3,})/gm)];
  const open = fences.length % 2 === 1 ? fences.at(-1) : undefined;
  const limit = open === undefined ? text.length : from + open.index;
  let end = from;
  for (const match of text.slice(0, limit).matchAll(END)) {
    if (match.index >= from) end = match.index + match[0].length;
  }
  return end;
}
