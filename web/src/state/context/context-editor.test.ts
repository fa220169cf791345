import { describe, expect, test, vi } from 'vitest';

import { ApiError } from '../../api/http';
import type { Context } from '../../api/types';
import { ContextEditor } from './context-editor';

const tagged = (etag: string) => ({ value: { summary: null } as Context, etag });

describe('the context editor', () => {
  test('reloads after a conflict, so that saving again succeeds', async () => {
    const change = vi.fn(() => Promise.resolve());
    const api = {
      read: vi.fn().mockResolvedValueOnce(tagged('"1"')).mockResolvedValue(tagged('"2"')),
      change: change.mockRejectedValueOnce(new ApiError('The context has changed.', 'stale')),
    };
    const editor = new ContextEditor(api as never, 'c');
    await editor.load();

    expect(await editor.change('system_prompt', { system_prompt: 'Hi' })).toBe(false);
    expect(editor.statusOf('system_prompt').problem).toContain('changed in another tab');
    expect(editor.statusOf('parameters').problem).toBeNull();
    expect(await editor.change('system_prompt', { system_prompt: 'Hi' })).toBe(true);

    const tags = change.mock.calls.map((call: unknown[]) => call[2]);
    expect(tags).toEqual(['"1"', '"2"']);
    expect(editor.statusOf('system_prompt')).toEqual({
      isSaving: false,
      isSaved: true,
      problem: null,
    });
  });

  test('saves two parts one after the other, the second with the new tag', async () => {
    const change = vi.fn(() => Promise.resolve());
    const read = vi.fn().mockResolvedValueOnce(tagged('"1"')).mockResolvedValue(tagged('"2"'));
    const editor = new ContextEditor({ read, change } as never, 'c');
    await editor.load();

    const first = editor.change('system_prompt', { system_prompt: 'Hi' });
    const second = editor.change('reply_tokens', { reply_tokens: 5 });
    expect(editor.statusOf('reply_tokens').isSaving).toBe(true);

    expect(await Promise.all([first, second])).toEqual([true, true]);
    const tags = change.mock.calls.map((call: unknown[]) => call[2]);
    expect(tags).toEqual(['"1"', '"2"']);
    expect(editor.isSaving).toBe(false);
  });
});
