/**
 * Finds the controls of the page, or of its topmost layer, that a pointer can't reach. Runs in the browser, so it
 * can't use anything outside this function.
 */
export function unreachableControls(): string[] {
  const layers = ['.menu:popover-open', 'dialog[open]', '.sidebar-open #sidebar'];
  const top = layers
    .map((selector) => document.querySelector(selector))
    .find((layer) => layer?.checkVisibility());
  const controls = (top ?? document).querySelectorAll<HTMLElement>(
    'button, a[href], input:not([type=file]), textarea, select, summary',
  );
  const problems: string[] = [];
  for (const control of controls) {
    if (!control.checkVisibility({ visibilityProperty: true }) || control.matches('.skip')) continue;
    control.scrollIntoView({ block: 'nearest' });
    const { left, right, top, bottom, width, height } = control.getBoundingClientRect();
    const label = control.getAttribute('aria-label') ?? control.textContent?.trim() ?? '';
    const name = `${control.localName} “${label.slice(0, 40)}”`;
    // Scrolling may be off by less than a pixel.
    const isOutside = (start: number, end: number, size: number) => start < -1 || end > size + 1;
    const isOutsideVertically = height <= innerHeight && isOutside(top, bottom, innerHeight);
    if (isOutside(left, right, innerWidth) || isOutsideVertically) problems.push(`${name} is outside the window`);
    const topElement = document.elementFromPoint(left + width / 2, top + Math.min(height, innerHeight) / 2);
    const isOnTop = topElement && (control.contains(topElement) || topElement.closest('label')?.control === control);
    if (!isOnTop) problems.push(`${name} is covered by ${topElement?.outerHTML.slice(0, 80)}`);
    // A text field may scroll, and a long title may end with an ellipsis.
    const hasEllipsis = getComputedStyle(control).textOverflow === 'ellipsis';
    if (control.matches('button') && !hasEllipsis && control.scrollWidth > control.clientWidth) {
      problems.push(`${name} is truncated`);
    }
  }
  return problems;
}
