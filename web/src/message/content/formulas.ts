import { inBackground } from '../../markdown/background';
import { hasSource, setSource } from '../../markdown/dom/patch';
import { cachedFormula, renderFormula } from '../../markdown/formula';
import { DISPLAY_MATH_TAG, MATH_TAG } from '../../markdown/syntax/math';
import { contentWords } from '../../words/content';

/** Longer formulas are shown as TeX, because typesetting them would block the page. */
const MAX_TEX_CHARACTERS = 5000;

/** Lets keyboard users scroll the formulas that are too wide. */
const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const isScrollable = target.scrollWidth > target.clientWidth;
    for (const [name, value] of scrollableAttributes()) {
      if (isScrollable) target.setAttribute(name, value);
      else target.removeAttribute(name);
    }
  }
});

/** Typesets the formulas in `container`. They show their TeX until KaTeX is loaded. */
export function renderFormulas(container: ParentNode): void {
  for (const element of container.querySelectorAll(`${MATH_TAG}, ${DISPLAY_MATH_TAG}`)) {
    if (!hasSource(element)) inBackground(typeset(element));
  }
}

async function typeset(element: Element): Promise<void> {
  const tex = element.textContent ?? '';
  if (tex.length > MAX_TEX_CHARACTERS) return;
  setSource(element, tex);
  const isDisplay = element.localName === DISPLAY_MATH_TAG;
  element.replaceChildren(cachedFormula(tex, isDisplay) ?? (await renderFormula(tex, isDisplay)));
  widths.observe(element);
}

function scrollableAttributes(): [string, string][] {
  return [
    ['tabindex', '0'],
    ['role', 'group'],
    ['aria-label', contentWords.formula()],
  ];
}
