import type { Page } from '@playwright/test';

import { expect, test } from '../../support/fixtures.ts';
import { echo } from '../../support/scripted-model.ts';
import { VIEWPORTS } from '../../support/viewports.ts';

const STORE_ERROR = {
  status: 503,
  json: { message: 'The store can’t be reached.', code: 'storage_unavailable', request_id: '1' },
};

async function failRequests(page: Page, path: string): Promise<() => Promise<void>> {
  await page.route(path, (route) => route.fulfill(STORE_ERROR));
  return () => page.unroute(path);
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const size of VIEWPORTS) {
    test(`menus, dialogs and the conversation list are accessible: ${colorScheme}, ${size.width} px`, async ({
      scripted,
      chat,
    }) => {
      const { page } = chat;
      const server = await scripted(echo);
      const isDrawer = size.width < 672;
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(size);
      await chat.open(server);
      await expect(page.getByText('scripted is ready to help.')).toBeVisible();
      await expect(page.getByRole('heading', { level: 2 })).toBeInViewport({ ratio: 1 });
      await chat.ask('tides and a title that is far too long for its row in the list');

      if (isDrawer) await page.getByRole('button', { name: 'Chats', exact: true }).click();
      await chat.list.getByRole('button', { name: /^Options for/ }).click();
      await expect(page.getByRole('menu')).toBeInViewport({ ratio: 1 });
      await chat.expectAccessible();
      await chat.expectAllControlsReachable();
      await page.keyboard.press('Escape');
      await chat.list.getByRole('link').press('F2');
      await chat.expectAccessible();
      await chat.expectAllControlsReachable();
      await page.keyboard.press('Escape');
      await page.getByRole('searchbox').fill('tides');
      await expect(chat.list.getByRole('link')).toHaveCount(3);
      await chat.expectAccessible();
      await chat.expectAllControlsReachable();
      await page.getByRole('searchbox').fill('');
      await expect(chat.list.getByRole('link')).toHaveCount(1);
      await chat.list.getByRole('link').press('Delete');
      await expect(page.getByText(/was deleted/)).toBeVisible();
      await chat.expectAccessible();
      await chat.expectAllControlsReachable();
      await chat.expectNoHorizontalOverflow();
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.keyboard.press('Escape');

      await page.getByRole('button', { name: 'Menu', exact: true }).click();
      await chat.expectAccessible();
      await chat.expectAllControlsReachable();
      await page.getByRole('menuitem', { name: 'Import' }).click();
      await expect(page.getByRole('dialog', { name: 'Import chats' })).toBeVisible();
      await chat.expectAccessible();
      await chat.expectAllControlsReachable();
      await page.keyboard.press('Escape');
      await expect(page.getByRole('button', { name: 'Menu', exact: true })).toBeFocused();
      await page.keyboard.press('?');
      await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
      await chat.expectAccessible();
      await chat.expectAllControlsReachable();
      await chat.expectNoHorizontalOverflow();
    });
  }

  test(`a failed load shows an error and can be retried: ${colorScheme}`, async ({
    scripted,
    chat,
  }) => {
    const { page } = chat;
    const server = await scripted(echo);
    await page.emulateMedia({ colorScheme });
    await chat.open(server);
    await chat.ask('tides');
    const restoreList = await failRequests(page, '**/api/v1/conversations');
    const restoreMessages = await failRequests(page, '**/messages');
    chat.expectsErrors = true;
    await page.reload();

    await expect(chat.list).toContainText('The chats can’t be loaded.');
    await expect(page.getByRole('heading', { name: 'can’t be loaded' })).toBeVisible();
    await expect(page.getByRole('main')).toContainText('The store can’t be reached.');
    await chat.expectAccessible();
    await restoreList();
    await restoreMessages();
    await chat.list.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('main').getByRole('button', { name: 'Try again' }).click();

    await expect(chat.list.getByRole('link')).toHaveText(['tides']);
    await expect(chat.answers).toHaveText([/About tides/]);
  });

  test(`a lost connection and its recovery are shown: ${colorScheme}`, async ({
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
    await expect(page.getByText('Messages and files will be sent')).toBeVisible();
    await expect(page.locator('link[rel="icon"]')).toHaveAttribute('href', 'favicon-disconnected.svg');
    await chat.expectAccessible();
    await page.setViewportSize({ width: 320, height: 640 });
    await chat.expectNoHorizontalOverflow();
    await page.getByRole('button', { name: 'Try now' }).click();
    await expect(page.getByText('Messages and files will be sent')).toBeVisible();
    await server.restart();

    await expect(page.getByText('Messages and files will be sent')).toBeHidden();
    await expect(page.locator('link[rel="icon"]')).toHaveAttribute('href', 'favicon.svg');
  });
}

test('a restarting server is shown as restarting, not as disconnected', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);

  await server.terminate();

  await expect(chat.page.getByRole('banner')).toContainText('The server is restarting…');
  await server.restart();
  await expect(chat.page.getByRole('banner')).not.toContainText('restarting');
});

test('the page shows that it is offline when it has no network', async ({ scripted, chat, context }) => {
  const server = await scripted(echo);
  await chat.open(server);

  await context.setOffline(true);
  await expect(chat.page.getByRole('banner')).toContainText('Offline');
  await context.setOffline(false);

  await expect(chat.page.getByRole('banner')).not.toContainText('Offline');
});

test('a page opened during a storage outage recovers when it reconnects', async ({
  scripted,
  chat,
}) => {
  const { page } = chat;
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const restores = [await failRequests(page, '**/api/v1/conversations'), await failRequests(page, '**/messages')];
  chat.expectsErrors = true;
  await page.reload();
  await expect(page.getByRole('heading', { name: 'can’t be loaded' })).toBeVisible();
  for (const restore of restores) await restore();

  await server.kill();
  await server.restart();

  await expect(chat.answers).toHaveText([/About tides/]);
  await expect(chat.list.getByRole('link')).toHaveText(['tides']);
});

test('a rate limit shows a countdown, at whose end the message is sent', async ({ scripted, chat }) => {
  const { page } = chat;
  const server = await scripted(echo);
  await chat.open(server);
  const json = { message: 'Too many requests.', code: 'rate_limited', request_id: '1' };
  chat.expectsErrors = true;
  await page.route('**/api/v1/conversations', (route) =>
    route.fulfill({ status: 429, headers: { 'Retry-After': '8' }, json }),
  );

  await chat.send('tides');

  await expect(page.getByRole('alert')).toHaveText('Too many requests.');
  await expect(page.getByText(/^Trying again in \d s\.$/)).toBeVisible();
  await chat.expectAccessible();
  await page.unroute('**/api/v1/conversations');
  await expect(chat.answers).toHaveText([/About tides/]);
  await expect(page.getByText('Too many requests.')).toBeHidden();
});

test('loading a conversation does not shift the layout', async ({ scripted, chat }) => {
  const { page } = chat;
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  let resume = () => {};
  const blocked = new Promise<void>((resolve) => (resume = resolve));
  await page.route('**/messages', async (route) => {
    await blocked;
    await route.continue();
  });
  await page.reload();

  await expect(page.getByRole('status', { name: 'Loading the chat' })).toBeVisible();
  await chat.expectAccessible();
  const before = await chat.field.boundingBox();
  resume();
  await expect(chat.answers).toHaveCount(1);

  expect(await chat.field.boundingBox()).toEqual(before);
});

test('single-key shortcuts can be disabled', async ({ scripted, chat }) => {
  const { page } = chat;
  const server = await scripted(echo);
  await chat.open(server);
  const dialog = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await page.getByRole('button', { name: 'Keyboard shortcuts' }).click();
  await dialog.getByRole('switch').uncheck();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'Keyboard shortcuts' })).toBeFocused();

  await page.keyboard.press('/');
  await page.keyboard.press('?');
  await expect(dialog).toBeHidden();
  await page.keyboard.press('Control+k');

  await expect(page.getByRole('searchbox')).toBeFocused();
  await page.keyboard.press('Shift+Escape');
  await expect(chat.field).toBeFocused();
});

test('back and forward navigate between conversations', async ({ scripted, chat }) => {
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
