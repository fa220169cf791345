import { expect, test } from 'vitest';

import { fieldCommand } from './field-keys';

const key = (name: string, modifiers = {}) => ({
  key: name,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...modifiers,
});

test('Enter sends, but on a touch keyboard it starts a new line', () => {
  expect(fieldCommand(key('Enter'), false, false)).toBe('submit-text');
  expect(fieldCommand(key('Enter', { shiftKey: true }), false, false)).toBeNull();
  expect(fieldCommand(key('Enter'), false, true)).toBeNull();
  expect(fieldCommand(key('Enter', { ctrlKey: true }), false, true)).toBe('submit-text');
});

test('Arrow up edits the last question only in an empty field', () => {
  expect(fieldCommand(key('ArrowUp'), true, false)).toBe('edit-last');
  expect(fieldCommand(key('ArrowUp'), false, false)).toBeNull();
  expect(fieldCommand(key('ArrowUp', { altKey: true }), true, false)).toBeNull();
});
