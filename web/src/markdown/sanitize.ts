import DOMPurify from 'dompurify';

import { mismatchedHost } from './links';
import { DISPLAY_MATH_TAG, MATH_TAG } from './math';

/**
 * Parses HTML into safe nodes. Links open in a new tab without opener or referrer, and show their host
 * if their text looks like a different address.
 */
export function sanitize(html: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, {
    RETURN_DOM_FRAGMENT: true,
    USE_PROFILES: { html: true },
    ADD_TAGS: [MATH_TAG, DISPLAY_MATH_TAG],
    FORBID_TAGS: ['style', 'img', 'video', 'audio', 'source', 'form', 'input', 'button', 'iframe'],
    FORBID_ATTR: ['style', 'class', 'id', 'name'],
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
    // These attributes hold no URI, so the expression above must not apply to them.
    ADD_URI_SAFE_ATTR: ['align', 'start'],
    ALLOW_DATA_ATTR: false,
  });
  for (const link of fragment.querySelectorAll('a')) openInNewTab(link);
  for (const table of fragment.querySelectorAll('table')) makeScrollable(table);
  // Each block has its own direction, because a text may mix scripts.
  for (const block of fragment.querySelectorAll('p, ul, ol, li, td, th, blockquote, h1, h2, h3')) {
    block.setAttribute('dir', 'auto');
  }
  return fragment;
}

/** Sanitises the MathML that KaTeX produces. */
export function sanitizeMath(mathml: string): DocumentFragment {
  return DOMPurify.sanitize(mathml, {
    RETURN_DOM_FRAGMENT: true,
    USE_PROFILES: { mathMl: true },
    // The TeX source, for copying the formula.
    ADD_TAGS: ['semantics', 'annotation'],
    FORBID_ATTR: ['style', 'class', 'id', 'name', 'href'],
    ALLOW_DATA_ATTR: false,
  });
}

/** Sanitises highlighted code. */
export function sanitizeCode(html: string): DocumentFragment {
  return DOMPurify.sanitize(html, {
    RETURN_DOM_FRAGMENT: true,
    ALLOWED_TAGS: ['span'],
    ALLOWED_ATTR: ['class'],
  });
}

function openInNewTab(link: HTMLAnchorElement): void {
  link.target = '_blank';
  link.rel = 'noopener noreferrer nofollow';
  const host = mismatchedHost(link.href, link.textContent ?? '');
  if (host === null) return;
  const note = document.createElement('bdi');
  note.className = 'actual-host';
  note.textContent = host;
  link.append(note);
}

function makeScrollable(table: HTMLTableElement): void {
  const scroller = document.createElement('div');
  scroller.className = 'table-scroll';
  scroller.tabIndex = 0;
  scroller.setAttribute('role', 'group');
  scroller.setAttribute('aria-label', 'Table');
  table.replaceWith(scroller);
  scroller.append(table);
}
