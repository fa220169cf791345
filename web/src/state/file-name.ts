import { conversationMenuWords } from '../words/sidebar';

const MAX_CHARACTERS = 80;
/** File systems allow 255 bytes, which must also hold the date and the extension. */
const MAX_BYTES = 200;
/** Path separators, what Windows forbids, control characters, and marks that reverse the direction of text. */
const UNSAFE = /[\\/:*?"<>|\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;
/** Names of devices on Windows, with any extension. */
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)$/i;

/** Returns a name for a downloaded file: “How tides work 2026-01-02.md”. It is valid on every system. */
export function downloadName(title: string, date: Date, extension: string): string {
  const cleaned = title
    .replace(UNSAFE, ' ')
    .replace(/\s+/g, ' ')
    .replace(/^[. ]+/, '');
  const shortened = shorten(cleaned).replace(/[. ]+$/, '');
  const name =
    shortened === '' || RESERVED.test(shortened) ? conversationMenuWords.fileName() : shortened;
  return `${name} ${isoDate(date)}.${extension}`;
}

/** Shortens between grapheme clusters, so that no visible character is split. */
function shorten(text: string): string {
  const encoder = new TextEncoder();
  let bytes = 0;
  let characters = 0;
  let shortened = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    bytes += encoder.encode(segment).length;
    characters += 1;
    if (bytes > MAX_BYTES || characters > MAX_CHARACTERS) break;
    shortened += segment;
  }
  return shortened;
}

/** The local date, in a form that sorts. */
function isoDate(date: Date): string {
  return `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}
