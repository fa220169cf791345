import { expect, test, vi } from 'vitest';

import type { ImportJob } from '../../api/types';
import { Imports } from './imports';

const job = (status: ImportJob['status'], done: number): ImportJob => ({
  import_id: 'i',
  status,
  done,
  of: 2,
  imported: done,
  already_there: 0,
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
});
