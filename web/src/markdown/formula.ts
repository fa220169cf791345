import type Katex from 'katex';

import { sanitizeMath } from './dom/sanitize';
import { yieldToMain } from './scheduler';

/** The maximum number of cached formulas. A single answer usually contains fewer. */
const MAX_CACHED = 500;

const OPTIONS = {
  // No links, no images, bounded macro expansion and bounded sizes.
  trust: false,
  maxExpand: 200,
  maxSize: 10,
  strict: 'ignore',
} as const;

/** The commands of chemistry, which another module defines. */
const CHEMISTRY = /\\(?:ce|pu)\b/;

const cache = new Map<string, Node>();
let katex: Promise<typeof Katex> | undefined;

/** Returns the formula if it is cached. Streamed text is rendered repeatedly, with the same formulas. */
export function cachedFormula(tex: string, isDisplay: boolean): Node | undefined {
  return cache.get(cacheKey(tex, isDisplay))?.cloneNode(true);
}

/** Typesets a formula, with MathML for screen readers. Returns invalid TeX as plain text. */
export async function renderFormula(tex: string, isDisplay: boolean): Promise<Node> {
  const loaded = await (katex ??= loadKatex());
  if (CHEMISTRY.test(tex)) await import('katex/contrib/mhchem');
  await yieldToMain();
  const cached = cachedFormula(tex, isDisplay);
  if (cached) return cached;
  const formula = typeset(loaded, tex, isDisplay);
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(cacheKey(tex, isDisplay), formula);
  return formula.cloneNode(true);
}

async function loadKatex(): Promise<typeof Katex> {
  const [module] = await Promise.all([
    import('katex'),
    // Copies the TeX source of selected formulas.
    import('katex/contrib/copy-tex'),
    import('./formula.scss'),
  ]);
  return module.default;
}

/** Builds the nodes of the formula. HTML with styles would violate the Content-Security-Policy. */
function typeset(loaded: typeof Katex, tex: string, displayMode: boolean): Node {
  const container = document.createElement('span');
  try {
    loaded.render(tex, container, { ...OPTIONS, displayMode, output: 'html' });
    const mathml = document.createElement('span');
    mathml.className = 'katex-mathml';
    const source = loaded.renderToString(tex, { ...OPTIONS, displayMode, output: 'mathml' });
    mathml.append(sanitizeMath(source.replace(/ style="[^"]*"/g, '')));
    container.querySelector('.katex')?.prepend(mathml);
    return container;
  } catch {
    return document.createTextNode(tex);
  }
}

function cacheKey(tex: string, isDisplay: boolean): string {
  return `${isDisplay ? 'display' : 'inline'} ${tex}`;
}
