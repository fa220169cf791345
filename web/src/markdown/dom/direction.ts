const RIGHT_TO_LEFT =
  /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;

/** The elements that have a direction. List items have that of their list, so that the markers are on one side. */
const BLOCKS = new Set(
  'p h1 h2 h3 h4 h5 h6 ul ol blockquote table th td summary details webchat-footnote'.split(' '),
);
/** Elements whose letters say nothing about the direction of the text around them. */
const NEUTRAL = new Set('pre code kbd samp webchat-math webchat-display-math'.split(' '));

type Direction = 'ltr' | 'rtl';

interface Letters {
  first: Direction | null;
  ltr: number;
  rtl: number;
}

/**
 * Sets the direction of each block, because a text may mix scripts. `dir="auto"` is not enough: it ignores the content
 * of elements that have a direction, such as the items of a list, and a sentence may begin with a foreign name.
 */
export function setDirections(root: Node): void {
  if (RIGHT_TO_LEFT.test(root.textContent ?? '')) measure(root);
}

function measure(node: Node): Letters {
  const letters: Letters = { first: null, ltr: 0, rtl: 0 };
  for (const child of node.childNodes) {
    if (child instanceof Element && NEUTRAL.has(child.localName)) continue;
    const { first, ltr, rtl } = child instanceof Text ? count(child.data) : measure(child);
    letters.first ??= first;
    letters.ltr += ltr;
    letters.rtl += rtl;
  }
  const direction = directionOf(letters);
  if (direction !== null && node instanceof Element && BLOCKS.has(node.localName)) {
    node.setAttribute('dir', direction);
  }
  return letters;
}

function directionOf({ first, ltr, rtl }: Letters): Direction | null {
  return rtl > ltr ? 'rtl' : first;
}

function count(text: string): Letters {
  const letters: Letters = { first: null, ltr: 0, rtl: 0 };
  for (const [letter] of text.matchAll(/\p{L}/gu)) {
    const direction = RIGHT_TO_LEFT.test(letter) ? 'rtl' : 'ltr';
    letters.first ??= direction;
    letters[direction] += 1;
  }
  return letters;
}
