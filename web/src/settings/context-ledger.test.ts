import { render } from 'lit';
import { expect, test } from 'vitest';

import type { Ledger } from '../api/types';
import { ledgerView } from './context-ledger';

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
  render(ledgerView(ledger), container);
  return (container.textContent ?? '').replace(/\s+/g, ' ');
}

test('the ledger shows how many tokens the next request will have', () => {
  expect(textOf(LEDGER)).toContain(
    '1,200 of 16,000 tokens will be sent to the model with your next question.',
  );
});

test.each([
  [1, '1 older message does not fit and will not be sent. You can still read it.'],
  [1200, '1,200 older messages do not fit and will not be sent. You can still read them.'],
])('the ledger says that %d messages do not fit', (left_out_messages, text) => {
  expect(textOf({ ...LEDGER, left_out_messages })).toContain(text);
});
