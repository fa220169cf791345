/**
 * The controls of the page, or of its topmost layer, that a pointer can't reach. Runs in the browser, so it can't
 * use anything from outside.
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
    const isOut = (start: number, end: number, size: number) => start < -1 || end > size + 1;
    const isOutVertically = height <= innerHeight && isOut(top, bottom, innerHeight);
    if (isOut(left, right, innerWidth) || isOutVertically) problems.push(`${name} is outside the window`);
    const under = document.elementFromPoint(left + width / 2, top + Math.min(height, innerHeight) / 2);
    const isItself = under && (control.contains(under) || under.closest('label')?.control === control);
    if (!isItself) problems.push(`${name} is covered by ${under?.outerHTML.slice(0, 80)}`);
    // Text fields scroll, and a long title ends with an ellipsis.
    const clips = getComputedStyle(control).textOverflow === 'ellipsis';
    if (control.matches('button') && !clips && control.scrollWidth > control.clientWidth) {
      problems.push(`${name} is cut off`);
    }
  }
  return problems;
}
