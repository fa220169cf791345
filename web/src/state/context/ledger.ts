import type { Ledger } from '../../api/types';

export type UseKind = 'system' | 'examples' | 'summary' | 'messages' | 'reserved' | 'free';

/** A part of the model’s window. */
export interface WindowUse {
  kind: UseKind;
  tokens: number;
  /** The fraction of the window, from 0 to 1. */
  fraction: number;
}

/** The tokens of the window that the next request has without its question. Every meter shows this number. */
export function usedTokens(ledger: Ledger): number {
  return ledger.total - ledger.reserved;
}

/** The tokens that the next question, and the messages after it, can take. */
export function freeTokens(ledger: Ledger): number {
  return Math.max(0, ledger.window - ledger.total);
}

/** Divides the window by use: what is sent, in its order, then what is reserved and what is free. */
export function windowUses(ledger: Ledger): WindowUse[] {
  const uses: Omit<WindowUse, 'fraction'>[] = [
    { kind: 'system', tokens: ledger.system },
    { kind: 'examples', tokens: ledger.few_shot },
    { kind: 'summary', tokens: ledger.summary },
    { kind: 'messages', tokens: ledger.history },
    { kind: 'reserved', tokens: ledger.reserved },
    { kind: 'free', tokens: freeTokens(ledger) },
  ];
  const window = Math.max(1, ledger.window);
  return uses.map((use) => ({ ...use, fraction: use.tokens / window }));
}
