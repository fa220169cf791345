import { expect, test, vi } from 'vitest';

import { ApiError } from '../../api/http';
import { UserSettingsEditor } from './user-settings-editor';

test('a conflict keeps the other version visible, and saving again replaces it', async () => {
  const changeSettings = vi.fn(() => Promise.resolve());
  changeSettings.mockRejectedValueOnce(new ApiError('The settings have changed.', 'stale'));
  const readSettings = vi
    .fn()
    .mockResolvedValueOnce({ value: { system_prompt: null }, etag: '"1"' })
    .mockResolvedValue({ value: { system_prompt: 'Theirs' }, etag: '"2"' });
  const editor = new UserSettingsEditor({ readSettings, changeSettings });
  await editor.load();

  expect(await editor.saveInstructions('Mine')).toBe(false);
  expect(editor.state.value.settings?.system_prompt).toBe('Theirs');
  expect(editor.state.value.status.problem).toContain('changed in another tab');
  expect(await editor.saveInstructions('Mine')).toBe(true);

  expect(editor.state.value.status).toEqual({ isSaving: false, isSaved: true, problem: null });
  const tags = changeSettings.mock.calls.map((call: unknown[]) => call[1]);
  expect(tags).toEqual(['"1"', '"2"']);
});
