import { describe, expect, test, vi } from 'vitest';

import { ApiError } from '../../api/http';
import type { Context } from '../../api/types';
import { ContextEditor } from './context-editor';

const tagged = (etag: string) => ({ context: { summary: null } as Context, etag });

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
    expect(editor.state.value.problem).toMatchObject({ part: 'system_prompt' });
    expect(editor.state.value.problem?.text).toContain('changed in another tab');
    expect(await editor.change('system_prompt', { system_prompt: 'Hi' })).toBe(true);

    const tags = change.mock.calls.map((call: unknown[]) => call[2]);
    expect(tags).toEqual(['"1"', '"2"']);
    expect(editor.state.value).toMatchObject({ problem: null, savingPart: null });
  });
});
