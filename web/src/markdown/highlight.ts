import DOMPurify from 'dompurify';

/** The code with its syntax marked; `null` for a language that is not known. */
export async function highlight(code: string, language: string): Promise<DocumentFragment | null> {
  const { default: highlighter } = await import('highlight.js/lib/common');
  if (!highlighter.getLanguage(language)) return null;
  const { value } = highlighter.highlight(code, { language, ignoreIllegals: true });
  return DOMPurify.sanitize(value, {
    RETURN_DOM_FRAGMENT: true,
    ALLOWED_TAGS: ['span'],
    ALLOWED_ATTR: ['class'],
  });
}
