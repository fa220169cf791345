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
    expect(commandOf(key('?', { shiftKey: true }), 'page', true, false)).toBe('shortcuts');
    expect(commandOf(key('?', { shiftKey: true }), 'empty-field', true, false)).toBeNull();
    expect(commandOf(key('k', { ctrlKey: true }), 'text', true, false)).toBe('search');
    expect(commandOf(key('b', { ctrlKey: true }), 'text', true, false)).toBe('sidebar');
    expect(commandOf(key('p', { ctrlKey: true }), 'text', true, false)).toBe('print');
    expect(commandOf(key('z', { ctrlKey: true }), 'text', true, false)).toBeNull();
    expect(commandOf(key('ArrowUp', { altKey: true }), 'empty-field', true, false)).toBe(
      'previous',
    );
    expect(commandOf(key('ArrowUp', { altKey: true }), 'text', true, false)).toBeNull();
  });

  test('with ⌘ takes the place of Ctrl on a Mac, and only there', () => {
    for (const isApple of [true, false]) {
      const control = { metaKey: isApple, ctrlKey: !isApple };
      const other = { metaKey: !isApple, ctrlKey: isApple };
      expect(commandOf(key('k', control), 'text', true, isApple)).toBe('search');
      expect(commandOf(key('k', other), 'text', true, isApple)).toBeNull();
    }
  });

  test('without Ctrl triggers nothing if single-key shortcuts are disabled', () => {
    expect(commandOf(key('/'), 'page', false, false)).toBeNull();
    expect(commandOf(key('K', { ctrlKey: true }), 'page', false, false)).toBe('search');
  });
});
