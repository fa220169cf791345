import { render } from 'lit';
import { describe, expect, test } from 'vitest';

import type { App } from '../app/app';
import { loadFailed, welcome } from './empty-states';

function textOf(template: unknown): string {
  const container = document.createElement('div');
  render(template, container);
  return (container.textContent ?? '').replace(/\s+/g, ' ');
}

describe('the welcome text', () => {
  test('names the model once it is known', () => {
    const app = { modelOfThread: () => null, modelName: () => 'gpt-4o' } as unknown as App;

    expect(textOf(welcome(app))).toContain('gpt-4o is ready to help. Your chats');
  });

  test('does without the model’s name', () => {
    const app = { modelOfThread: () => null, modelName: () => null } as unknown as App;

    expect(textOf(welcome(app))).toContain('Chat with an AI model. Your chats');
  });
});

test('a conversation that can’t be loaded shows the reason', () => {
  const text = textOf(loadFailed({} as App, 'The store is full.', null));

  expect(text).toContain('The chat can’t be loaded The store is full. Try again');
  expect(text).not.toContain('can’t be reached');
});
