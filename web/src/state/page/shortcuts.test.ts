import { describe, expect, test } from 'vitest';

import { commandOf, type Key } from './shortcuts';

const key = (name: string, modifiers: Partial<Key> = {}): Key => ({
  key: name,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...modifiers,
});

describe('a key press', () => {
  test('is text in a field, and a shortcut outside of fields', () => {
    expect(commandOf(key('?', { shiftKey: true }), 'page', true)).toBe('shortcuts');
    expect(commandOf(key('?', { shiftKey: true }), 'empty-field', true)).toBeNull();
    expect(commandOf(key('k', { ctrlKey: true }), 'text', true)).toBe('search');
    expect(commandOf(key('b', { metaKey: true }), 'text', true)).toBe('sidebar');
    expect(commandOf(key('z', { metaKey: true }), 'text', true)).toBeNull();
    expect(commandOf(key('ArrowUp', { altKey: true }), 'empty-field', true)).toBe('previous');
    expect(commandOf(key('ArrowUp', { altKey: true }), 'text', true)).toBeNull();
  });

  test('without Ctrl triggers nothing if single-key shortcuts are disabled', () => {
    expect(commandOf(key('/'), 'page', false)).toBeNull();
    expect(commandOf(key('K', { ctrlKey: true }), 'page', false)).toBe('search');
  });
});
