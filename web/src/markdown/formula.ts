import type Katex from 'katex';

import { sanitizeMath } from './sanitize';
import { yieldToMain } from './scheduler';

/** The maximum number of cached formulas. A single answer usually contains fewer. */
const MAX_CACHED = 500;

const cache = new Map<string, DocumentFragment>();
let katex: Promise<typeof Katex> | undefined;

/** Returns the formula as MathML if it is cached. Streamed text is rendered repeatedly, with the same formulas. */
export function cachedFormula(tex: string, isDisplay: boolean): Node | undefined {
  return cache.get(cacheKey(tex, isDisplay))?.cloneNode(true);
}

/** Renders a formula as MathML. Returns invalid TeX as plain text. */
export async function renderFormula(tex: string, isDisplay: boolean): Promise<Node> {
  katex ??= import('katex').then((module) => module.default);
  const loaded = await katex;
  await yieldToMain();
  const cached = cachedFormula(tex, isDisplay);
  if (cached) return cached;
  const fragment = toMathMl(loaded, tex, isDisplay);
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(cacheKey(tex, isDisplay), fragment);
  return fragment.cloneNode(true);
}

function toMathMl(
  { renderToString }: typeof Katex,
  tex: string,
  isDisplay: boolean,
): DocumentFragment {
  try {
    const html = renderToString(tex, {
      output: 'mathml',
      displayMode: isDisplay,
      // No links, no images, bounded macro expansion and bounded sizes.
      trust: false,
      maxExpand: 200,
      maxSize: 10,
      strict: 'ignore',
    });
    // Parsing a style violates the Content-Security-Policy, even if the style is removed later.
    return sanitizeMath(html.replace(/ style="[^"]*"/g, ''));
  } catch {
    const plain = document.createDocumentFragment();
    plain.append(tex);
    return plain;
  }
}

function cacheKey(tex: string, isDisplay: boolean): string {
  return `${isDisplay ? 'display' : 'inline'} ${tex}`;
}
