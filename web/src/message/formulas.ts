import { inBackground } from '../markdown/background';
import { cachedFormula, renderFormula } from '../markdown/formula';
import { DISPLAY_MATH_TAG, MATH_TAG } from '../markdown/math';

/** Longer formulas are shown as TeX, because typesetting them would block the page. */
const MAX_TEX_CHARACTERS = 5000;

/** Typesets the formulas in `container`. They show their TeX until KaTeX is loaded. */
export function renderFormulas(container: ParentNode): void {
  for (const element of container.querySelectorAll(`${MATH_TAG}, ${DISPLAY_MATH_TAG}`)) {
    inBackground(typeset(element));
  }
}

async function typeset(element: Element): Promise<void> {
  const tex = element.textContent ?? '';
  if (tex.length > MAX_TEX_CHARACTERS) return;
  const isDisplay = element.localName === DISPLAY_MATH_TAG;
  const cached = cachedFormula(tex, isDisplay);
  if (cached) element.replaceChildren(cached);
  else element.replaceChildren(await renderFormula(tex, isDisplay));
}
