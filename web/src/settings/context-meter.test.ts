import { render } from 'lit';
import { expect, test } from 'vitest';

import type { Ledger } from '../api/types';
import { contextMeter } from './context-meter';

const LEDGER: Ledger = {
  window: 16_000,
  reserved: 1000,
  system: 10,
  few_shot: 0,
  summary: 0,
  summary_through: 0,
  history: 1190,
  total: 2200,
  left_out_messages: 0,
};

function textOf(ledger: Ledger): string {
  const container = document.createElement('div');
  render(contextMeter(ledger), container);
  return (container.textContent ?? '').replace(/\s+/g, ' ');
}

test('the meter shows the used, the reserved and the free tokens', () => {
  const text = textOf(LEDGER);

  expect(text).toContain('1,200 of 16,000 tokens used');
  expect(text).toContain('Used 1,200');
  expect(text).toContain('Reserved for the answer 1,000');
  expect(text).toContain('Free 13,800');
  expect(text).not.toContain('Examples');
});

test.each([
  [1, '1 older message doesn’t fit and isn’t sent to the model. You can still read it.'],
  [1200, '1,200 older messages don’t fit and aren’t sent to the model. You can still read them.'],
])('the meter says that %d messages do not fit', (left_out_messages, text) => {
  expect(textOf({ ...LEDGER, left_out_messages })).toContain(text);
});
