import { formula, knownFormula } from '../markdown/formula';
import { DISPLAY_MATH_TAG, MATH_TAG } from '../markdown/math';

/** Longer ones stay TeX: to set them would hold up the page. */
const LONGEST_TEX = 5000;

/** Shows the formulas in `place` as such; until KaTeX is here, their TeX stands there. */
export function showFormulas(place: ParentNode): void {
  for (const element of place.querySelectorAll(`${MATH_TAG}, ${DISPLAY_MATH_TAG}`)) {
    void show(element);
  }
}

async function show(element: Element): Promise<void> {
  const tex = element.textContent ?? '';
  if (tex.length > LONGEST_TEX) return;
  const isDisplay = element.localName === DISPLAY_MATH_TAG;
  const known = knownFormula(tex, isDisplay);
  if (known) element.replaceChildren(known);
  else element.replaceChildren(await formula(tex, isDisplay));
}
