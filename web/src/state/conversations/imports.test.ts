import { expect, test, vi } from 'vitest';

import type { ImportJob } from '../../api/types';
import { Imports, importSummary } from './imports';

const job = (status: ImportJob['status'], done: number): ImportJob => ({
  import_id: 'i',
  status,
  done,
  of: 2,
  imported: done,
  already_there: 0,
  added_to: 1,
  left_out: 2,
  first_left_out: [
    { position: 3, title: 'Lake', conversation_id: null, reason: 'it has no messages' },
    { position: 4, title: null, conversation_id: null, reason: 'it is not a conversation' },
  ],
  messages: done,
  error: null,
});

test('an import is polled until it ends', async () => {
  const polled: number[] = [];
  const api = {
    startImport: () => Promise.resolve(job('running', 0)),
    importJob: vi
      .fn()
      .mockResolvedValueOnce(job('running', 1))
      .mockResolvedValue(job('complete', 2)),
  };
  const onend = vi.fn();
  const imports = new Imports(api, onend, () => {
    polled.push(imports.state.value.done);
    return Promise.resolve();
  });
  await imports.start(new File(['{}'], 'export.json'));

  expect(polled).toEqual([0, 1]);
  expect(onend).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ phase: 'complete', imported: 2 }),
  );
  const { firstLeftOut } = imports.state.value;
  expect(firstLeftOut).toEqual([
    'Lake: it has no messages.',
    'Conversation 4: it is not a conversation.',
  ]);
  expect(importSummary(imports.state.value)).toBe(
    'Imported 2 conversations. One got new messages. Left out: 2.',
  );
});
