import { announcerWords } from '../../words/thread';

/** Matches the end of a sentence: punctuation before white space, full-width punctuation, or a line break. */
const SENTENCE_END = /[.!?…](?=["'”’)\]]*\s)["'”’)\]]*|[。！？]|\n/gu;

/**
 * Returns the complete sentences of a growing text from the offset `from` on, as text to be spoken, and the
 * offset where they end.
 */
export function completeSentences(markdown: string, from: number): { text: string; end: number } {
  const end = lastSentenceEnd(markdown, from);
  return { text: toSpeech(markdown.slice(from, end)), end };
}

/** Converts Markdown to plain text to be spoken. Each code block becomes the word “Code”. */
export function toSpeech(markdown: string): string {
  return markdown
    .replace(/^ {0,3}(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ {0,3}\1[^\n]*$/gm, ` ${announcerWords.code()} `)
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^\s*(?:#{1,6}|>|[-*+])\s+/gm, '')
    .replace(/\|?\s*:?-{3,}:?\s*\|?/g, ' ')
    .replace(/[*`]+|(?<!\w)_+|_+(?!\w)/g, '')
    .replace(/\|/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Finds the end of the last complete sentence before any unclosed code block. */
function lastSentenceEnd(text: string, from: number): number {
  const fences = [...text.slice(from).matchAll(/^ {0,3}(?:`{3,}|~{3,})/gm)];
  const open = fences.length % 2 === 1 ? fences.at(-1) : undefined;
  const limit = open === undefined ? text.length : from + open.index;
  let end = from;
  for (const match of text.slice(0, limit).matchAll(SENTENCE_END)) {
    if (match.index >= from) end = match.index + match[0].length;
  }
  return end;
}
