import type { Page } from '@playwright/test';

import { expect, test } from './fixtures.ts';

const echo = async (question: string, say: (text: string) => void) => say(`About ${question}`);

const SIZES = [
  { width: 1440, height: 900 },
  { width: 768, height: 1024 },
  { width: 390, height: 844 },
  { width: 320, height: 640 },
  // 1440 by 900 at 200 %.
  { width: 720, height: 450 },
];

const TROUBLE = {
  status: 503,
  json: { message: 'The store can’t be reached.', code: 'storage_unavailable', request_id: '1' },
};

async function troubleWith(page: Page, path: string): Promise<() => Promise<void>> {
  await page.route(path, (route) => route.fulfill(TROUBLE));
  return () => page.unroute(path);
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const size of SIZES) {
    test(`around the thread nothing bars anyone: ${colorScheme}, ${size.width} px`, async ({
      scripted,
      chat,
    }) => {
      const { page } = chat;
      const server = await scripted(echo);
      const isDrawer = size.width < 672;
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(size);
      await chat.open(server);
      await expect(page.getByText('scripted answers here.')).toBeVisible();
      await expect(page.getByRole('heading', { level: 2 })).toBeInViewport({ ratio: 1 });
      await chat.ask('tides and a title that is far too long for the place it has in the list');

      if (isDrawer) await page.getByRole('button', { name: 'Conversations' }).click();
      await chat.list.getByRole('button', { name: /^Options of/ }).click();
      await expect(page.getByRole('menu')).toBeInViewport({ ratio: 1 });
      await chat.expectAccessible();
      await chat.expectAllInReach();
      await page.keyboard.press('Escape');
      await chat.list.getByRole('link').press('F2');
      await chat.expectAccessible();
      await chat.expectAllInReach();
      await page.keyboard.press('Escape');
      await page.getByRole('searchbox').fill('tides');
      await expect(chat.list.getByRole('link')).toHaveCount(2);
      await chat.expectAccessible();
      await chat.expectAllInReach();
      await page.getByRole('searchbox').fill('');
      await expect(chat.list.getByRole('link')).toHaveCount(1);
      await chat.list.getByRole('link').press('Delete');
      await expect(page.getByText(/was deleted/)).toBeVisible();
      await chat.expectAccessible();
      await chat.expectAllInReach();
      await chat.expectNothingSticksOut();
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.keyboard.press('Escape');

      await page.getByRole('button', { name: 'Menu', exact: true }).click();
      await chat.expectAccessible();
      await chat.expectAllInReach();
      await page.getByRole('menuitem', { name: 'Import' }).click();
      await expect(page.getByRole('dialog', { name: 'Import conversations' })).toBeVisible();
      await chat.expectAccessible();
      await chat.expectAllInReach();
      await page.keyboard.press('Escape');
      await expect(page.getByRole('button', { name: 'Menu', exact: true })).toBeFocused();
      await page.keyboard.press('?');
      await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
      await chat.expectAccessible();
      await chat.expectAllInReach();
      await chat.expectNothingSticksOut();
    });
  }

  test(`what can’t be read says so, and is read when one tries again: ${colorScheme}`, async ({
    scripted,
    chat,
  }) => {
    const { page } = chat;
    const server = await scripted(echo);
    await page.emulateMedia({ colorScheme });
    await chat.open(server);
    await chat.ask('tides');
    const endLists = await troubleWith(page, '**/api/v1/conversations');
    const endMessages = await troubleWith(page, '**/messages');
    chat.expectsRefusals = true;
    await page.reload();

    await expect(chat.list).toContainText('The conversations can’t be read.');
    await expect(page.getByRole('heading', { name: 'can’t be read' })).toBeVisible();
    await chat.expectAccessible();
    await endLists();
    await endMessages();
    await chat.list.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('main').getByRole('button', { name: 'Try again' }).click();

    await expect(chat.list.getByRole('link')).toHaveText(['tides']);
    await expect(chat.answers).toHaveText([/About tides/]);
  });

  test(`a lost server is told, with what it means, and its return is noticed: ${colorScheme}`, async ({
    scripted,
    chat,
  }) => {
    const { page } = chat;
    const server = await scripted(echo);
    await page.emulateMedia({ colorScheme });
    await chat.open(server);
    await chat.ask('tides');
    await server.kill();

    await expect(page.getByRole('banner')).toContainText('Reconnecting…');
    await expect(page.getByText('What you send now goes out')).toBeVisible();
    await expect(page.locator('link[rel="icon"]')).toHaveAttribute('href', '/favicon-away.svg');
    await chat.expectAccessible();
    await page.setViewportSize({ width: 320, height: 640 });
    await chat.expectNothingSticksOut();
    await page.getByRole('button', { name: 'Try now' }).click();
    await expect(page.getByText('What you send now goes out')).toBeVisible();
    await server.restart();

    await expect(page.getByText('What you send now goes out')).toBeHidden();
    await expect(page.locator('link[rel="icon"]')).toHaveAttribute('href', '/favicon.svg');
  });
}

test('a server that is restarted is not called lost', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);

  await server.end();

  await expect(chat.page.getByRole('banner')).toContainText('The server restarts…');
  await server.restart();
  await expect(chat.page.getByRole('banner')).not.toContainText('restarts');
});

test('a page without a network says that it is offline', async ({ scripted, chat, context }) => {
  const server = await scripted(echo);
  await chat.open(server);

  await context.setOffline(true);
  await expect(chat.page.getByRole('banner')).toContainText('Offline');
  await context.setOffline(false);

  await expect(chat.page.getByRole('banner')).not.toContainText('Offline');
});

test('a page that was opened while the store was away comes to itself', async ({
  scripted,
  chat,
}) => {
  const { page } = chat;
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const ends = [await troubleWith(page, '**/api/v1/conversations'), await troubleWith(page, '**/messages')];
  chat.expectsRefusals = true;
  await page.reload();
  await expect(page.getByRole('heading', { name: 'can’t be read' })).toBeVisible();
  for (const end of ends) await end();

  await server.kill();
  await server.restart();

  await expect(chat.answers).toHaveText([/About tides/]);
  await expect(chat.list.getByRole('link')).toHaveText(['tides']);
});

test('a limit says for how long, counts, and goes', async ({ scripted, chat }) => {
  const { page } = chat;
  const server = await scripted(echo);
  await chat.open(server);
  const json = { message: 'Too many requests.', code: 'rate_limited', request_id: '1' };
  chat.expectsRefusals = true;
  await page.route('**/api/v1/conversations', (route) =>
    route.fulfill({ status: 429, headers: { 'Retry-After': '3' }, json }),
  );

  await chat.say('tides');

  await expect(page.getByRole('alert')).toHaveText('Too many requests.');
  await expect(page.getByText(/^[123] s$/)).toBeVisible();
  await chat.expectAccessible();
  await expect(chat.field).toHaveValue('tides');
  await expect(page.getByText('Too many requests.')).toBeHidden({ timeout: 5000 });
});

test('what loads keeps its place', async ({ scripted, chat }) => {
  const { page } = chat;
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  let goOn = () => {};
  const held = new Promise<void>((resolve) => (goOn = resolve));
  await page.route('**/messages', async (route) => {
    await held;
    await route.continue();
  });
  await page.reload();

  await expect(page.getByRole('status', { name: 'Loading the conversation' })).toBeVisible();
  await chat.expectAccessible();
  const before = await chat.field.boundingBox();
  goOn();
  await expect(chat.answers).toHaveCount(1);

  expect(await chat.field.boundingBox()).toEqual(before);
});

test('shortcuts of a single key can be switched off', async ({ scripted, chat }) => {
  const { page } = chat;
  const server = await scripted(echo);
  await chat.open(server);
  const sheet = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await page.getByRole('button', { name: 'Keyboard shortcuts' }).click();
  await sheet.getByRole('checkbox').uncheck();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'Keyboard shortcuts' })).toBeFocused();

  await page.keyboard.press('/');
  await page.keyboard.press('?');
  await expect(sheet).toBeHidden();
  await page.keyboard.press('Control+k');

  await expect(page.getByRole('searchbox')).toBeFocused();
  await page.keyboard.press('Shift+Escape');
  await expect(chat.field).toBeFocused();
});

test('back and forward go through what was read', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  await chat.page.keyboard.press('Control+Shift+O');
  await expect(chat.answers).toHaveCount(0);
  await chat.ask('moons');

  await chat.page.goBack();
  await chat.page.goBack();
  await expect(chat.answers).toHaveText([/About tides/]);
  await expect(chat.page).toHaveTitle('tides – Webchat');
  await chat.page.goForward();
  await chat.page.goForward();

  await expect(chat.answers).toHaveText([/About moons/]);
});
