import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { ApiError } from '../../api/http';
import type { SearchHit, SearchHits } from '../../api/types';
import { DEBOUNCE_MS, Search } from './search';

const found = (id: string): SearchHits => ({
  titles: [],
  hits: [{ message_id: id } as SearchHit],
});

/** Starts a search whose responses have not arrived. Each is sent by a call of its function in `responses`. */
async function searchWithoutResponse(query: string) {
  const responses: ((found: SearchHits) => void)[] = [];
  const search = new Search(() => new Promise((resolve) => responses.push(resolve)));
  search.setQuery(query);
  await vi.advanceTimersByTimeAsync(DEBOUNCE_MS);
  return { search, responses };
}

describe('search', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  test('sends one request for text that is typed quickly', async () => {
    const find = vi.fn(() => Promise.resolve(found('1')));
    const search = new Search(find);
    for (const query of ['t', 'ti', 'tide ']) search.setQuery(query);
    await vi.advanceTimersByTimeAsync(DEBOUNCE_MS);

    expect(find).toHaveBeenCalledExactlyOnceWith('tide');
    expect(search.state.value).toMatchObject({ phase: 'ready', hits: [{ message_id: '1' }] });
  });

  test('drops a response that arrives after a newer query', async () => {
    const { search, responses } = await searchWithoutResponse('moon');
    search.setQuery('tide');
    await vi.advanceTimersByTimeAsync(DEBOUNCE_MS);
    responses[1]?.(found('tide'));
    await vi.advanceTimersByTimeAsync(0);
    responses[0]?.(found('moon'));
    await vi.advanceTimersByTimeAsync(0);

    expect(search.state.value.hits).toEqual(found('tide').hits);
  });

  test('ends when the query is cleared, even if a response arrives later', async () => {
    const { search, responses } = await searchWithoutResponse('moon');
    search.setQuery('');
    responses[0]?.(found('moon'));
    await vi.advanceTimersByTimeAsync(0);

    expect(search.state.value).toMatchObject({ phase: 'idle', hits: [] });
  });

  test('can be retried after a failure', async () => {
    const find = vi.fn(() => Promise.resolve(found('1')));
    find.mockRejectedValueOnce(new ApiError('The store can’t be reached.', 'storage_unavailable'));
    const search = new Search(find);
    search.setQuery('moon');
    await vi.advanceTimersByTimeAsync(DEBOUNCE_MS);
    expect(search.state.value.phase).toBe('failed');
    await search.retry();

    expect(search.state.value).toMatchObject({ phase: 'ready', problem: null });
  });
});
