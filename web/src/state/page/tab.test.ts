import { expect, test } from 'vitest';

import { describeTab } from './tab';

test('a lost connection takes precedence over a running answer, and that over an unseen one', () => {
  const input = {
    connection: 'connected',
    isAnswering: true,
    hasUnseenAnswer: true,
    title: 'Tides',
  } as const;

  expect(describeTab(input)).toEqual({ title: 'Tides – Webchat', icon: 'favicon-answering.svg' });
  expect(describeTab({ ...input, connection: 'offline' }).icon).toBe('favicon-disconnected.svg');
  expect(describeTab({ ...input, isAnswering: false }).title).toBe('• Tides – Webchat');
});
