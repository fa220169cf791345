import { expect, test } from 'vitest';

import type { Config } from '../../api/types';
import { acceptAttribute, acceptedFiles, describeAccepted, rejectionOf } from './upload-limits';

const ACCEPTED = { extensions: ['txt', 'md', 'json'], maxBytes: 5 * 1024 * 1024 };

test('the accepted kinds and the size limit are shown', () => {
  expect(acceptAttribute(ACCEPTED)).toBe('.txt,.md,.json');
  expect(describeAccepted(ACCEPTED)).toBe('TXT, MD, and JSON files, up to 5 MB');
  expect(describeAccepted({ extensions: ['csv'], maxBytes: 1024 })).toBe('CSV files, up to 1 KB');
});

test('the reason for a rejection states what is accepted', () => {
  expect(rejectionOf({ name: 'photo.PNG', size: 1 }, ACCEPTED)).toBe(
    '“photo.PNG” can’t be attached. Accepted are TXT, MD, and JSON files.',
  );
  expect(rejectionOf({ name: 'txt', size: 1 }, ACCEPTED)).toContain('can’t be attached');
  expect(rejectionOf({ name: 'a.txt', size: 6_000_000 }, ACCEPTED)).toBe(
    '“a.txt” is too large (6 MB). A file can have up to 5 MB.',
  );
  expect(rejectionOf({ name: 'Notes.TXT ', size: 5_242_880 }, ACCEPTED)).toBeNull();
});

test('nothing is shown before the server has responded', () => {
  expect(acceptedFiles(null)).toBeNull();
  expect(acceptedFiles({ version: '0.0.1' } as Config)).toBeNull();
});
