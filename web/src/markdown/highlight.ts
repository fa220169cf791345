import { sanitizeCode } from './sanitize';

/** Longer code stays plain: to mark it would hold up the page. */
const LONGEST_CODE = 50_000;

/** The code with its syntax marked; `null` for a language that is not known. */
export async function highlight(code: string, language: string): Promise<DocumentFragment | null> {
  if (code.length > LONGEST_CODE) return null;
  const { default: highlighter } = await import('highlight.js/lib/common');
  if (!highlighter.getLanguage(language)) return null;
  const { value } = highlighter.highlight(code, { language, ignoreIllegals: true });
  return sanitizeCode(value);
}
