import type { Locator, Page } from '@playwright/test';

import { Chat } from '../../support/chat.ts';
import { textFile } from '../../support/files.ts';
import { expect, test } from '../../support/fixtures.ts';
import { echo } from '../../support/scripted-model.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';

test('a connection that dies silently is replaced within 15 seconds', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  const proxy = await TcpProxy.start(server);
  await chat.page.goto(proxy.url);
  await chat.ask('before');

  proxy.killSilently();
  await chat.send('into the dark');

  await expect(chat.answers.last()).toContainText('About into the dark');
  await expect(chat.questions).toHaveText(['before', 'into the dark']);
  // Without any action of the user, the page finds out by itself.
  proxy.killSilently();
  await chat.page.waitForEvent('websocket', { timeout: 15_000 });
  proxy.stop();
});

test('one tab too many says so, its message is sent by another tab, and it connects later', async ({
  scripted,
  chat,
  context,
}) => {
  const server = await scripted(echo, { WS_CONNECTIONS_PER_USER: '2' });
  await chat.open(server);
  await chat.ask('before');
  const other = await chat.openTab(server);
  await expect(other.page.getByText('Reconnecting…')).toBeHidden();
  const tab = await Chat.in(context);
  tab.expectsErrors = true;
  await tab.open(server, chat.path);

  await expect(tab.page.getByText(/Too many open tabs/)).toBeVisible();
  await expect(tab.page.getByText(/The server can’t be reached/)).toHaveCount(0);
  await tab.expectAccessible();
  await tab.send('one more');
  await expect(chat.answers.last()).toContainText('About one more');
  await other.page.close();

  await expect(tab.page.getByText(/Too many open tabs/)).toBeHidden({ timeout: 30_000 });
  await expect(tab.answers.last()).toContainText('About one more');
  await expect(tab.questions).toHaveText(['before', 'one more']);
});

test('blocked WebSockets and blocked cookies are reported as such', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  chat.expectsErrors = true;
  await chat.page.addInitScript(() => {
    const NativeWebSocket = WebSocket;
    window.WebSocket = class extends NativeWebSocket {
      constructor() {
        super(`ws://${location.host}/blocked`);
      }
    };
  });
  await chat.open(server);
  await expect(chat.page.getByText(/The live connection is blocked/)).toBeVisible();

  await chat.page.addInitScript(() => {
    Object.defineProperty(navigator, 'cookieEnabled', { value: false });
  });
  await chat.page.reload();

  await expect(chat.page.getByText(/Your browser blocks cookies/)).toBeVisible();
});

test('what can’t be done without a connection says so, and loses no text', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  await server.kill();
  await expect(chat.page.getByText('Reconnecting…')).toBeVisible();
  await expectActionBelowText(chat.page, 'Try now');

  await chat.page.getByRole('button', { name: 'Regenerate' }).click();
  await expect(chat.page.getByRole('alert')).toContainText('You are not connected.');
  await chat.choose('tides', 'Rename');
  const title = chat.page.getByRole('textbox', { name: 'Title' });
  await title.fill('The sea');
  await title.press('Enter');
  await expect(chat.page.getByRole('alert')).toContainText('The server can’t be reached.');
  await expect(title).toHaveValue('The sea');
  await chat.fileInput.setInputFiles(textFile('sea.txt'));
  await expect(chat.files).toContainText('will be uploaded when the connection is back');
  await server.restart();

  await expect(chat.questions.last()).toContainText('sea.txt');
  await title.focus();
  await title.press('Enter');
  await expect(chat.list.getByRole('link', { name: 'The sea' })).toBeVisible();
});

/** Asserts that on a phone, an action of a notification is below the text, at its edge. */
async function expectActionBelowText(page: Page, name: string): Promise<void> {
  const size = page.viewportSize() ?? { width: 0, height: 0 };
  await page.setViewportSize({ width: 390, height: 844 });
  const action = page.getByRole('button', { name });
  const text = page.locator('.notification', { has: action }).locator('.notification-text');
  const edges = async (locator: Locator) =>
    locator.evaluate((element) => {
      const range = document.createRange();
      range.selectNodeContents(element);
      const { left, top, bottom } = range.getBoundingClientRect();
      return { left: Math.round(left), top, bottom };
    });

  const [textEdges, actionEdges] = [await edges(text), await edges(action)];
  expect(actionEdges.left).toBe(textEdges.left);
  expect(actionEdges.top).toBeGreaterThan(textEdges.bottom);
  await page.setViewportSize(size);
}
