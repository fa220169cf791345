import { beforeEach, describe, expect, test } from 'vitest';

import { TextStorage } from '../storage';
import { Drafts } from './drafts';

beforeEach(() => localStorage.clear());

const tab = (id: string) => new Drafts(new TextStorage(localStorage), id);

/** A storage without space. */
const full = {
  getItem: () => null,
  removeItem: () => {},
  setItem: () => {
    throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
  },
} as unknown as Storage;

describe('a draft', () => {
  test.each([
    ['full', full],
    ['blocked', null],
  ])(
    'is kept while the page is open if the storage is %s, and the user is notified',
    (_kind, storage) => {
      const drafts = new Drafts(new TextStorage(storage), 't');
      expect(drafts.isUnstored.value).toBe(false);

      drafts.write('c', 'tides');

      expect(drafts.read('c')).toBe('tides');
      expect(drafts.isUnstored.value).toBe(true);
    },
  );

  test('survives that another tab writes in the same conversation', () => {
    const one = tab('1');
    const other = tab('2');
    for (const drafts of [one, other]) expect(drafts.read(null)).toBe('');
    one.write(null, 'tides');
    other.write(null, 'moons');
    one.write(null, 'tides and');

    expect(tab('1').read(null)).toBe('tides and');
    expect(tab('2').read(null)).toBe('moons');
    // The second tab was closed, and the first one has sent its text.
    tab('1').write(null, '');
    one.write(null, '');
    expect(tab('3').read(null)).toBe('moons');
  });

  test('is continued in another tab', () => {
    tab('1').write('c', 'tides');
    const other = tab('2');
    expect(other.read('c')).toBe('tides');
    other.write('c', 'tides and moons');

    expect(tab('3').read('c')).toBe('tides and moons');
  });

  test('is deleted with its conversation, and so are those of its edits', () => {
    const drafts = tab('1');
    drafts.write('c', 'tides');
    drafts.writeEdit('c', 'm1', 'moons');

    drafts.forget('c');

    expect(drafts.read('c')).toBe('');
    expect(drafts.openEdits('c')).toEqual([]);
    expect(localStorage).toHaveLength(0);
  });
});
