/** Stands for a bar. Texts never contain this noncharacter. */
const PLACEHOLDER = '\uFDD0';

const FORMULA = /\$(?![\s$])([^$\n]*?)(?<![\s\\])\$(?![A-Za-z0-9])|\\\(([^\n]*?)\\\)/g;

/**
 * Replaces the bars of formulas in the lines that may belong to a table. Otherwise, they would divide cells: `$|x|$`.
 * Formulas, and other text between two dollars, keep their length, so that offsets in the text stay valid.
 */
export function protectBars(text: string, isAmount: (tex: string) => boolean): string {
  if (!text.includes('|') || !/\$|\\\(/.test(text)) return text;
  return text.replace(FORMULA, (formula, dollars?: string) =>
    dollars !== undefined && isAmount(dollars) ? formula : formula.replaceAll('|', PLACEHOLDER),
  );
}

export function restoreBars(text: string): string {
  return text.includes(PLACEHOLDER) ? text.replaceAll(PLACEHOLDER, '|') : text;
}
