import { sanitizeCode } from './dom/sanitize';
import { yieldToMain } from './scheduler';

/** Longer code stays plain, because highlighting it would block the page. */
const MAX_CODE_CHARACTERS = 50_000;

/** Highlights code. Returns `null` if the language is unknown or the code is too long. */
export async function highlight(code: string, language: string): Promise<DocumentFragment | null> {
  if (code.length > MAX_CODE_CHARACTERS) return null;
  const { highlightSyntax } = await import('./languages');
  await yieldToMain();
  const html = await highlightSyntax(code, language);
  return html === null ? null : sanitizeCode(html);
}
