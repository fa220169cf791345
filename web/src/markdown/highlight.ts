import { breathe } from './scheduler';
import { sanitizeCode } from './sanitize';

/** Longer code stays plain: to mark it would hold up the page. */
const LONGEST_CODE = 50_000;

/** The code with its syntax marked; `null` for a language that is not known. */
export async function highlight(code: string, language: string): Promise<DocumentFragment | null> {
  if (code.length > LONGEST_CODE) return null;
  const { markSyntax } = await import('./languages');
  await breathe();
  const html = await markSyntax(code, language);
  return html === null ? null : sanitizeCode(html);
}
