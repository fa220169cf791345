import { expect, test } from 'vitest';

import { CursorPages } from './cursor-pages';

const PAGES: Record<string, { items: string[]; next: string | null }> = {
  '': { items: ['alice'], next: 'alice' },
  alice: { items: ['bob'], next: 'bob' },
  bob: { items: ['carol'], next: null },
};

test('pages are shown forwards and backwards', async () => {
  const pages = new CursorPages(async (cursor) => PAGES[cursor ?? ''] ?? { items: [], next: null });
  await pages.load();
  await pages.next();
  await pages.next();
  expect(pages.state.value).toMatchObject({ items: ['carol'], hasNext: false, hasPrevious: true });

  await pages.next();
  await pages.previous();
  expect(pages.state.value).toMatchObject({ items: ['bob'], hasNext: true, hasPrevious: true });
  await pages.restart();
  expect(pages.state.value).toMatchObject({ items: ['alice'], hasPrevious: false });
});

test('a late response of an earlier filter is ignored', async () => {
  const responses: ((items: string[]) => void)[] = [];
  const pages = new CursorPages<string>(
    () => new Promise((resolve) => responses.push((items) => resolve({ items, next: null }))),
  );
  const first = pages.restart();
  const second = pages.restart();
  responses[1]?.(['new']);
  await second;
  responses[0]?.(['old']);
  await first;

  expect(pages.state.value.items).toEqual(['new']);
});

test('a failure keeps the page and says why', async () => {
  let isReachable = true;
  const pages = new CursorPages(async () => {
    if (!isReachable) throw new Error('away');
    return { items: ['alice'], next: null };
  });
  await pages.load();
  isReachable = false;
  await pages.load();

  expect(pages.state.value).toMatchObject({ items: ['alice'], isLoading: false, problem: 'away' });
});
