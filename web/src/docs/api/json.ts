/** A piece of JSON text, and what it is; `null` for punctuation and white space. */
export interface JsonToken {
  kind: 'key' | 'string' | 'number' | 'literal' | null;
  text: string;
}

const TOKEN =
  /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gu;

/** Formats JSON with this indentation, by default on one line. Returns other text unchanged. */
export function formatJson(text: string, indentation = 0): string {
  try {
    return JSON.stringify(JSON.parse(text), null, indentation);
  } catch {
    return text;
  }
}

/** Splits JSON into pieces for colouring. Their texts joined are the JSON. */
export function jsonTokens(json: string): JsonToken[] {
  const tokens: JsonToken[] = [];
  let end = 0;
  for (const match of json.matchAll(TOKEN)) {
    const [text, quoted, colon] = match;
    if (match.index > end) tokens.push({ kind: null, text: json.slice(end, match.index) });
    if (quoted === undefined)
      tokens.push({ kind: /^[tfn]/.test(text) ? 'literal' : 'number', text });
    else tokens.push({ kind: colon === undefined ? 'string' : 'key', text: quoted });
    if (colon !== undefined) tokens.push({ kind: null, text: colon });
    end = match.index + text.length;
  }
  if (end < json.length) tokens.push({ kind: null, text: json.slice(end) });
  return tokens;
}
