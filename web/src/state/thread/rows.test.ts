import { expect, test } from 'vitest';

import { firstRowOfLastScreen, type Row } from './rows';

const rows = (...lengths: number[]) =>
  lengths.map((length) => ({ message: { content: 'x'.repeat(length) } }) as Row);

test('the last screen begins with the message that fills it', () => {
  expect(firstRowOfLastScreen(rows(900, 900, 10, 900, 10, 900), 1000)).toBe(3);
});

test('the last screen has at least the last message, and at most ten', () => {
  expect(firstRowOfLastScreen(rows(10, 5000), 1000)).toBe(1);
  expect(firstRowOfLastScreen(rows(...Array<number>(30).fill(1)), 1000)).toBe(20);
  expect(firstRowOfLastScreen([], 1000)).toBe(0);
});
