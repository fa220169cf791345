import DOMPurify, { type Config } from 'dompurify';

import { LANGUAGE_ATTRIBUTE } from '../render';
import { FOOTNOTE_REFERENCE_TAG, FOOTNOTE_TAG } from '../syntax/footnotes';
import { DISPLAY_MATH_TAG, MATH_TAG } from '../syntax/math';
import { TASK_TAG } from '../syntax/task-lists';
import { setDirections } from './direction';
import { mismatchedHost } from './links';

/** The elements that the renderer produces. */
const TAGS =
  `p div h1 h2 h3 h4 h5 h6 blockquote pre hr ul ol li table thead tbody tr th td details summary
  a abbr b br cite code del em i ins kbd mark q s samp small strong sub sup u var wbr
  ${MATH_TAG} ${DISPLAY_MATH_TAG} ${TASK_TAG} ${FOOTNOTE_TAG} ${FOOTNOTE_REFERENCE_TAG}`.split(
    /\s+/,
  );

const CONFIG = {
  RETURN_DOM_FRAGMENT: true,
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ['href', 'title', 'align', 'start', 'open', LANGUAGE_ATTRIBUTE],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  // These attributes hold no URI, so the expression above must not apply to them.
  ADD_URI_SAFE_ATTR: ['title', 'align', 'start', 'open', LANGUAGE_ATTRIBUTE],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
} satisfies Config;

/** Parses the HTML of a block into safe nodes. */
export function sanitize(html: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, CONFIG);
  for (const link of fragment.querySelectorAll('a')) completeLink(link);
  for (const list of fragment.querySelectorAll('ol')) setNumberWidth(list);
  setDirections(fragment);
  return fragment;
}

/** Parses the HTML of many blocks into safe nodes, faster than one by one. */
export function sanitizeAll(blocks: readonly string[]): (DocumentFragment | Element)[] {
  const fragment = sanitize(blocks.map((html) => `<div>${html}</div>`).join(''));
  // The parser separates the blocks if their tags are balanced.
  if (fragment.childNodes.length === blocks.length) return [...fragment.children];
  return blocks.map(sanitize);
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

/**
 * Links open in a new tab without opener or referrer, and show their host if their text looks like a different
 * address. A link whose address is not allowed becomes text.
 */
function completeLink(link: HTMLAnchorElement): void {
  if (!link.hasAttribute('href')) {
    link.replaceWith(...link.childNodes);
    return;
  }
  link.target = '_blank';
  link.rel = 'noopener noreferrer nofollow';
  const host = mismatchedHost(link.href, link.textContent ?? '');
  if (host === null) return;
  const note = document.createElement('bdi');
  note.className = 'actual-host';
  note.textContent = host;
  link.append(note);
}

/** Sets the number of digits of the longest number of the list, for which the style sheet leaves room. */
function setNumberWidth(list: HTMLOListElement): void {
  const digits = String(list.start + list.childElementCount - 1).length;
  if (digits > 1) list.setAttribute('data-digits', String(digits));
}
