import type { Ledger } from '../../api/types';

export interface LedgerSegment {
  name: string;
  kind: 'system' | 'examples' | 'summary' | 'messages' | 'reserved' | 'free';
  tokens: number;
  /** The fraction of the model's window, from 0 to 1. */
  fraction: number;
}

/** Divides the model's window into segments by use, in the order of the request. */
export function segmentsOf(ledger: Ledger): LedgerSegment[] {
  const segments: Omit<LedgerSegment, 'fraction'>[] = [
    { name: 'System prompt', kind: 'system', tokens: ledger.system },
    { name: 'Examples', kind: 'examples', tokens: ledger.few_shot },
    { name: 'Summary of older messages', kind: 'summary', tokens: ledger.summary },
    { name: 'Messages', kind: 'messages', tokens: ledger.history },
    { name: 'Reserved for the answer', kind: 'reserved', tokens: ledger.reserved },
    { name: 'Free', kind: 'free', tokens: Math.max(0, ledger.window - ledger.total) },
  ];
  const window = Math.max(1, ledger.window);
  return segments.map((segment) => ({ ...segment, fraction: segment.tokens / window }));
}
