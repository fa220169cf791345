import { once } from 'node:events';
import { createServer } from 'node:net';

import { expect, test } from '../../support/fixtures.ts';
import { listen } from '../../support/listen.ts';

test('the page works under a sub-path of its host', async ({ scripted, chat, page }) => {
  const port = await freePort();
  const base = `http://127.0.0.1:${port}/chat/`;
  const settings = { PORT: String(port), PUBLIC_URL: base };
  await scripted(async (_question, write) => write('Twice a day.'), settings);
  const paths: string[] = [];
  page.on('request', (request) => paths.push(new URL(request.url()).pathname));
  page.on('websocket', (socket) => paths.push(new URL(socket.url()).pathname));

  await page.goto(base.slice(0, -1));
  expect(page.url()).toBe(base);
  await expect(chat.field).toBeVisible();
  expect(await chat.ask('How often?')).toContain('Twice a day.');
  const conversation = page.url();
  expect(conversation).toMatch(/\/chat\/c\/[0-9a-f-]{36}$/u);
  await page.reload();
  await expect(chat.answers).toContainText('Twice a day.');

  await page.getByRole('button', { name: 'New chat' }).first().click();
  await expect(page).toHaveURL(base);
  await chat.list.getByRole('link', { name: 'How often?' }).click();
  await expect(page).toHaveURL(conversation);
  await page.goBack();
  await expect(page).toHaveURL(base);
  await expect(chat.answers).toHaveCount(0);

  await page.goto(`${base}api/docs`);
  await page.locator('#list_conversations summary').first().click();
  await page.locator('#list_conversations').getByRole('button', { name: 'Try it' }).click();
  await expect(page.locator('#list_conversations output')).toContainText('How often?');
  await page.locator('#list_conversations a[href*="#schema-"]').first().click();
  await expect(page).toHaveURL(/\/chat\/api\/docs#schema-/u);

  expect(paths).toContain('/chat/ws');
  expect(paths.filter((path) => !path.startsWith('/chat'))).toEqual([]);
});

async function freePort(): Promise<number> {
  const listener = createServer();
  const port = await listen(listener);
  listener.close();
  await once(listener, 'close');
  return port;
}
