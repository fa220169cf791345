import DOMPurify from 'dompurify';

import { trueHost } from './links';
import { DISPLAY_MATH_TAG, MATH_TAG } from './math';

/**
 * HTML as nodes that can do no harm. Links lead out of the page, take nothing along, and say where
 * they lead if their text says something else.
 */
export function sanitize(html: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, {
    RETURN_DOM_FRAGMENT: true,
    USE_PROFILES: { html: true },
    ADD_TAGS: [MATH_TAG, DISPLAY_MATH_TAG],
    FORBID_TAGS: ['style', 'img', 'video', 'audio', 'source', 'form', 'input', 'button', 'iframe'],
    FORBID_ATTR: ['style', 'class', 'id', 'name'],
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
    // Not addresses, and so not held against the expression above.
    ADD_URI_SAFE_ATTR: ['align', 'start'],
    ALLOW_DATA_ATTR: false,
  });
  for (const link of fragment.querySelectorAll('a')) leadOut(link);
  for (const table of fragment.querySelectorAll('table')) scrollAlone(table);
  // Each by its own first letter: a text may be in two scripts.
  for (const block of fragment.querySelectorAll('p, ul, ol, li, td, th, blockquote, h1, h2, h3')) {
    block.setAttribute('dir', 'auto');
  }
  return fragment;
}

/** MathML of KaTeX's. */
export function sanitizeMath(mathml: string): DocumentFragment {
  return DOMPurify.sanitize(mathml, {
    RETURN_DOM_FRAGMENT: true,
    USE_PROFILES: { mathMl: true },
    // The TeX, for whoever copies the formula.
    ADD_TAGS: ['semantics', 'annotation'],
    FORBID_ATTR: ['style', 'class', 'id', 'name', 'href'],
    ALLOW_DATA_ATTR: false,
  });
}

/** Code with its syntax marked. */
export function sanitizeCode(html: string): DocumentFragment {
  return DOMPurify.sanitize(html, {
    RETURN_DOM_FRAGMENT: true,
    ALLOWED_TAGS: ['span'],
    ALLOWED_ATTR: ['class'],
  });
}

function leadOut(link: HTMLAnchorElement): void {
  link.target = '_blank';
  link.rel = 'noopener noreferrer nofollow';
  const host = trueHost(link.href, link.textContent ?? '');
  if (host === null) return;
  const note = document.createElement('bdi');
  note.className = 'true-host';
  note.textContent = host;
  link.append(note);
}

function scrollAlone(table: HTMLTableElement): void {
  const scroller = document.createElement('div');
  scroller.className = 'table-scroll';
  scroller.tabIndex = 0;
  scroller.setAttribute('role', 'group');
  scroller.setAttribute('aria-label', 'Table');
  table.replaceWith(scroller);
  scroller.append(table);
}
