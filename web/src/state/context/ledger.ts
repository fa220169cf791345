import type { Ledger } from '../../api/types';

export interface Share {
  name: string;
  kind: 'system' | 'examples' | 'summary' | 'messages' | 'reserved' | 'free';
  tokens: number;
  /** Of the model's window, from 0 to 1. */
  part: number;
}

/** What the model's window is filled with, in the order in which it is sent. */
export function sharesOf(ledger: Ledger): Share[] {
  const shares: Omit<Share, 'part'>[] = [
    { name: 'System prompt', kind: 'system', tokens: ledger.system },
    { name: 'Examples', kind: 'examples', tokens: ledger.few_shot },
    { name: 'Summary of older messages', kind: 'summary', tokens: ledger.summary },
    { name: 'Messages', kind: 'messages', tokens: ledger.history },
    { name: 'Kept free for the answer', kind: 'reserved', tokens: ledger.reserved },
    { name: 'Free', kind: 'free', tokens: Math.max(0, ledger.window - ledger.total) },
  ];
  const window = Math.max(1, ledger.window);
  return shares.map((share) => ({ ...share, part: share.tokens / window }));
}

export function count(tokens: number): string {
  return tokens.toLocaleString('en');
}
