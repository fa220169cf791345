import { expect, test } from 'vitest';

import type { Ledger } from '../../api/types';
import { freeTokens, usedTokens, windowUses } from './ledger';

const ledger: Ledger = {
  window: 1000,
  reserved: 200,
  system: 10,
  few_shot: 20,
  summary: 30,
  summary_through: 4,
  history: 140,
  total: 400,
  left_out_messages: 0,
};

test('used, reserved and free tokens add up to the window', () => {
  expect(usedTokens(ledger)).toBe(200);
  expect(usedTokens(ledger) + ledger.reserved + freeTokens(ledger)).toBe(1000);

  const uses = windowUses(ledger);

  expect(uses.reduce((sum, { fraction }) => sum + fraction, 0)).toBeCloseTo(1);
  expect(uses.at(-1)).toMatchObject({ kind: 'free', tokens: 600 });
});

test('an overfull window has no free tokens', () => {
  expect(freeTokens({ ...ledger, total: 1200 })).toBe(0);
});
