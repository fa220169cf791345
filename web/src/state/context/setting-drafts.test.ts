import { expect, test } from 'vitest';

import { TextStorage } from '../storage';
import { SettingDrafts } from './setting-drafts';

const reload = () => new SettingDrafts(new TextStorage(localStorage));

test('a draft survives a reload, and belongs to its conversation and setting', () => {
  reload().of('a', 'system_prompt').write('Be brief.');

  const reloaded = reload();

  expect(reloaded.of('a', 'system_prompt').read()).toBe('Be brief.');
  expect(reloaded.of('b', 'system_prompt').read()).toBeNull();
  expect(reloaded.of('a', 'summary').read()).toBeNull();
  expect(reloaded.of(null, 'system_prompt').read()).toBeNull();
  reloaded.of('a', 'system_prompt').write(null);
  expect(reload().of('a', 'system_prompt').read()).toBeNull();
});

test('an emptied text is a draft as well', () => {
  const draft = new SettingDrafts(new TextStorage(null)).of('a', 'system_prompt');

  draft.write('');

  expect(draft.read()).toBe('');
});
