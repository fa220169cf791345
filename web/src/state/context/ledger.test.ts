import { expect, test } from 'vitest';

import type { Ledger } from '../../api/types';
import { segmentsOf } from './ledger';

test('the segments of the ledger add up to the window', () => {
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

  const segments = segmentsOf(ledger);

  expect(segments.reduce((sum, { fraction }) => sum + fraction, 0)).toBeCloseTo(1);
  expect(segments.at(-1)).toMatchObject({ kind: 'free', tokens: 600 });
});
