import type { StateBlock } from 'markdown-it';

/** The text of a line, without its indentation and the markers of the blocks around it. */
export function lineOf(state: StateBlock, line: number): string {
  const from = (state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0);
  return state.src.slice(from, state.eMarks[line] ?? from);
}

/** The columns by which a line is indented in its block: from 4 on, it is code. It is outside if they are negative. */
export function indentOf(state: StateBlock, line: number): number {
  return (state.sCount[line] ?? 0) - state.blkIndent;
}

/** Whether a block begins in this line that interrupts a paragraph. */
export function isInterrupted(state: StateBlock, line: number, end: number): boolean {
  if (indentOf(state, line) >= 4 || (state.sCount[line] ?? 0) < 0) return false;
  return state.md.block.ruler.getRules('paragraph').some((rule) => rule(state, line, end, true));
}
