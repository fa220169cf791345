import type { Locator, Page } from '@playwright/test';

import { textFile } from '../support/files.ts';
import { expect, test } from '../support/fixtures.ts';
import type { Server } from '../support/server.ts';

const operation = (page: Page, id: string): Locator => page.locator(`#${id}`);

/** Opens an operation, as a link to it does. */
async function open(page: Page, server: Server, id: string): Promise<Locator> {
  await page.goto(`${server.url}/api/docs#${id}`);
  await expect(operation(page, id).getByRole('button', { name: 'Try it' })).toBeInViewport();
  return operation(page, id);
}

test('the API page sends requests and shows the responses', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write('Twice.'));
  const { page } = chat;

  const start = await open(page, server, 'start_conversation');
  await start.getByRole('button', { name: 'Try it' }).click();
  await expect(start.locator('output')).toContainText('201');
  const id = /"conversation_id": "([^"]+)"/u.exec((await start.locator('output').textContent()) ?? '')?.[1] ?? '';

  const send = await open(page, server, 'send_message');
  await expect(send.getByText('Changes your data.')).toBeVisible();
  await send.getByRole('textbox', { name: 'id (path' }).fill(id);
  await send.getByRole('button', { name: 'Try it' }).click();
  await expect(send.locator('output')).toContainText('"content": "Twice."');
  await send.getByRole('checkbox').check();
  await send.getByRole('button', { name: 'Try it' }).click();
  await expect(send.locator('output')).toContainText('event: token_usage');

  const upload = await open(page, server, 'upload_file');
  await upload.getByRole('textbox', { name: 'id (path' }).fill(id);
  await upload.locator('input[type=file]').setInputFiles(textFile('sea.txt'));
  await upload.getByRole('button', { name: 'Try it' }).click();
  await expect(upload.locator('output')).toContainText('"file_name": "sea.txt"');
});

test('a request can be copied as a command for curl', async ({ scripted, chat, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const server = await scripted(async (_question, write) => write('Twice.'));
  const { page } = chat;

  const search = await open(page, server, 'search');
  await search.getByRole('textbox', { name: 'q (' }).fill("moon's tide");
  await search.getByRole('button', { name: 'Copy the command' }).click();

  const command = await page.evaluate(() => navigator.clipboard.readText());
  expect(command).toContain(`'${server.url}/api/v1/search?q=moon%27s+tide'`);
});

test('the index finds operations, and leads to them', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write('Twice.'));
  const { page } = chat;
  await chat.open(server);
  await page.getByRole('banner').getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('menuitem', { name: 'API reference' }).click();
  const index = page.getByRole('navigation', { name: 'Contents' });

  await index.getByRole('searchbox').fill('delete summary');
  await expect(index.getByRole('listitem')).toHaveText([/Remove summary\s*DELETE/]);
  await index.getByRole('link', { name: 'Remove summary' }).click();
  await expect(operation(page, 'remove_summary').getByRole('button', { name: 'Try it' })).toBeInViewport();

  await operation(page, 'remove_summary').getByRole('link', { name: 'ErrorResponse' }).first().click();
  await expect(page.getByRole('group', { name: 'ErrorResponse' })).toBeInViewport();
  await page.getByRole('banner').getByRole('link', { name: 'Back to Webchat' }).click();
  await expect(chat.field).toBeVisible();
});

for (const width of [1440, 768, 390]) {
  test(`the API page is accessible and readable ${width} pixels wide, in both themes`, async ({
    scripted,
    chat,
  }) => {
    test.setTimeout(120_000);
    const { page } = chat;
    const server = await scripted(async (_question, write) => write('Twice.'));
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
    const start = await open(page, server, 'start_conversation');
    await start.getByRole('button', { name: 'Try it' }).click();
    await expect(start.locator('output')).toContainText('201');

    await chat.expectAccessible();
    await page.getByRole('button', { name: 'Switch to light theme' }).click();
    await page.getByRole('button', { name: 'Switch to dark theme' }).click();
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'g100');
    await chat.expectAccessible();
    await chat.expectNoHorizontalOverflow();
    expect(await page.locator('main').textContent()).not.toContain('`');
  });
}
