/** The width of a printed page's text in CSS pixels: A4 or Letter with our margins. */
const PAGE_WIDTH_PX = 650;
const WIDE_BLOCKS = 'webchat-display-math, .table-scroll';

/**
 * Prepares messages for printing: opens what is folded, marks the links whose address need not be printed, and
 * shrinks what is wider than a page and can't be wrapped. Returns a function that undoes this.
 */
export function preparePrint(messages: Element | null): () => void {
  if (!messages) return () => {};
  const folded = [...messages.querySelectorAll<HTMLDetailsElement>('details:not([open])')];
  for (const details of folded) details.open = true;
  for (const link of messages.querySelectorAll<HTMLAnchorElement>('a[href]')) {
    link.classList.toggle('shows-address', showsAddress(link));
  }
  const shrunk = [...messages.querySelectorAll<HTMLElement>(WIDE_BLOCKS)].filter(shrink);
  return () => {
    for (const details of folded) details.open = false;
    for (const block of shrunk) block.style.fontSize = '';
  };
}

/** Whether the text of a link is its address, with or without the scheme. */
export function showsAddress(link: HTMLAnchorElement): boolean {
  const text = link.textContent?.trim() ?? '';
  const address = link.getAttribute('href') ?? '';
  return withoutScheme(text) === withoutScheme(address);
}

function withoutScheme(address: string): string {
  return address.replace(/^(https?:\/\/|mailto:)/i, '').replace(/\/$/, '');
}

function shrink(block: HTMLElement): boolean {
  const available = Math.max(block.clientWidth, PAGE_WIDTH_PX);
  if (block.scrollWidth <= available) return false;
  block.style.fontSize = `${Math.floor((available / block.scrollWidth) * 100)}%`;
  return true;
}
