import type Katex from 'katex';

import { breathe } from './scheduler';
import { sanitizeMath } from './sanitize';

/** More formulas than any text has that is still being written. */
const KEPT = 500;

const shown = new Map<string, DocumentFragment>();
let katex: Promise<typeof Katex> | undefined;

/** The formula as MathML, if it was shown before: a text that grows is rendered again and again. */
export function knownFormula(tex: string, isDisplay: boolean): Node | undefined {
  return shown.get(nameOf(tex, isDisplay))?.cloneNode(true);
}

/** The formula as MathML; TeX that can't be read stays as it is. */
export async function formula(tex: string, isDisplay: boolean): Promise<Node> {
  katex ??= import('katex').then((module) => module.default);
  const loaded = await katex;
  await breathe();
  const known = knownFormula(tex, isDisplay);
  if (known) return known;
  const fragment = mathml(loaded, tex, isDisplay);
  if (shown.size >= KEPT) shown.clear();
  shown.set(nameOf(tex, isDisplay), fragment);
  return fragment.cloneNode(true);
}

function mathml(
  { renderToString }: typeof Katex,
  tex: string,
  isDisplay: boolean,
): DocumentFragment {
  try {
    const html = renderToString(tex, {
      output: 'mathml',
      displayMode: isDisplay,
      // No links, no images, no macros without end, nothing larger than the page.
      trust: false,
      maxExpand: 200,
      maxSize: 10,
      strict: 'ignore',
    });
    // The page's policy reports a style where it is parsed, though it is taken away then.
    return sanitizeMath(html.replace(/ style="[^"]*"/g, ''));
  } catch {
    const plain = document.createDocumentFragment();
    plain.append(tex);
    return plain;
  }
}

function nameOf(tex: string, isDisplay: boolean): string {
  return `${isDisplay ? 'display' : 'inline'} ${tex}`;
}
