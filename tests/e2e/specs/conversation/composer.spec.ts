import type { Locator, Page } from '@playwright/test';

import { pressWhileComposing } from '../../support/chat.ts';
import { pasteOrDrop, textFile } from '../../support/files.ts';
import { expect, test } from '../../support/fixtures.ts';
import { echo } from '../../support/scripted-model.ts';
import { VIEWPORTS } from '../../support/viewports.ts';

const heightOf = async (field: Locator) => (await field.boundingBox())?.height ?? 0;
const lines = (count: number) => Array.from({ length: count }, (_, index) => `line ${index}`).join('\n');

test('the message field grows with its text, up to ten lines', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  const heightOfOne = await heightOf(chat.field);

  await chat.field.fill(lines(3));
  const heightOfThree = await heightOf(chat.field);
  await chat.field.fill(lines(10));
  const heightOfTen = await heightOf(chat.field);
  await chat.field.fill(lines(40));

  expect(heightOfThree).toBeGreaterThan(heightOfOne + 40);
  expect(heightOfTen).toBeGreaterThan(heightOfThree + 150);
  expect(await heightOf(chat.field)).toBe(heightOfTen);
});

test('the message field stays where it is when the window or its hints change', async ({ scripted, chat }) => {
  const { page } = chat;
  const server = await scripted(async (question, write) => {
    write('Half an answer');
    if (question === 'on and on') await new Promise(() => {});
  });
  await chat.open(server);
  const spaceBelow = async () => {
    const { y = 0, height = 0 } = (await page.locator('.field').boundingBox()) ?? {};
    return (page.viewportSize()?.height ?? 0) - y - height;
  };
  const space = await spaceBelow();
  await expect(page.getByText('for a new line')).toBeVisible();

  await chat.ask('tides');
  for (const size of VIEWPORTS) {
    await page.setViewportSize(size);
    await expect.poll(spaceBelow).toBe(space);
    await expect(page.getByText(/^[\d,]+ of 16,000 tokens$/)).toBeInViewport({ ratio: 1 });
  }
  await chat.send('on and on');
  await expect(chat.answers).toHaveCount(2);
  await chat.send('too early');
  for (const size of VIEWPORTS) {
    await page.setViewportSize(size);
    await expect.poll(spaceBelow).toBe(space);
    await expect(page.getByText(/^Not sent/)).toBeInViewport({ ratio: 1 });
  }
});

test('Enter sends nothing during IME composition or from an empty field', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.field.fill('  \n ');
  await chat.field.press('Enter');
  await chat.page.getByRole('button', { name: 'Send' }).click({ force: true });
  await expect(chat.field).toHaveValue('  \n ');

  await chat.field.fill('に');
  await pressWhileComposing(chat.field, 'Enter');
  await expect(chat.field).toHaveValue('に');
  await expect(chat.questions).toHaveCount(0);
  await chat.field.press('Enter');

  await expect(chat.answers).toHaveText([/About に/]);
  await expect(chat.questions).toHaveCount(1);
});

test('each conversation has a draft that survives a reload', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  await chat.field.fill('of the first');
  await chat.page.getByRole('button', { name: 'New chat' }).click();
  await expect(chat.field).toHaveValue('');
  await chat.field.fill('of a new one');

  await chat.list.getByRole('link', { name: 'tides' }).click();
  await expect(chat.field).toHaveValue('of the first');
  await chat.page.reload();

  await expect(chat.field).toHaveValue('of the first');
  await chat.page.getByRole('button', { name: 'New chat' }).click();
  await expect(chat.field).toHaveValue('of a new one');
});

test('one button sends and stops, and keeps the focus', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => {
    write('For ever ');
    await new Promise(() => {});
  });
  await chat.open(server);
  await chat.field.fill('Talk');
  await chat.page.getByRole('button', { name: 'Send' }).click();
  await expect(chat.field).toBeFocused();

  await chat.page.getByRole('button', { name: 'Stop' }).focus();
  await chat.page.keyboard.press('Enter');
  await expect(chat.page.getByRole('button', { name: 'Send' })).toBeFocused();

  await expect(chat.answers.first()).toContainText('You stopped this answer.');
});

test('a pasted text of five megabytes can be attached as a file', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  const files = await mockFiles(chat.page);
  await chat.field.evaluate((field) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', 'word '.repeat(1_000_000));
    const init = { clipboardData, bubbles: true, cancelable: true };
    field.dispatchEvent(new ClipboardEvent('paste', init));
  });

  const offer = chat.page.getByRole('alert').filter({ hasText: '5 MB' });
  await expect(offer).toHaveText(/This text is too long \(5 MB\)\. A message can have up to 1 MB\./);
  await expect(chat.field).toHaveValue('');
  await chat.expectAccessible();
  await chat.page.getByRole('button', { name: 'Attach it as a file' }).click();

  await expect(offer).toBeHidden();
  await expect.poll(() => files).toEqual(['pasted.txt']);
  await expect(chat.files).toContainText('pasted.txt');
});

test('files can be chosen, pasted and dropped, and a file of a wrong kind or a failed upload shows the reason', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('before');
  const files = await mockFiles(chat.page);
  const list = chat.files;

  await chat.fileInput.setInputFiles(['sea.txt', 'cat.png', 'busy.txt'].map((name) => textFile(name)));
  await expect(list.getByRole('listitem')).toHaveText([
    /sea\.txt.*Reading… 0 of 4/s,
    /busy\.txt.*The server is busy\..*Try again/s,
  ]);
  await expect(chat.page.getByText('“cat.png” can’t be attached. Accepted are TXT, MD, and JSON files.')).toBeVisible();
  await chat.expectAccessible();
  await chat.page.getByRole('button', { name: 'Try again: busy.txt' }).click();
  await expect.poll(() => files).toEqual(['sea.txt', 'busy.txt', 'busy.txt']);
  await chat.page.getByRole('button', { name: 'Dismiss: busy.txt' }).click();
  await expect(list.getByRole('listitem')).toHaveCount(1);
  await expect(chat.field).toBeFocused();

  await pasteOrDrop(chat.field, 'paste', ['shore.txt']);
  await pasteOrDrop(chat.page.locator('main'), 'drop', ['sand.txt', 'foam.txt']);
  await expect(list.getByRole('listitem')).toHaveCount(4);
  await chat.page.getByRole('button', { name: 'Cancel: foam.txt' }).click();
  await expect(list.getByRole('listitem')).toHaveCount(3);

  await chat.page.evaluate(() => {
    DataTransferItem.prototype.webkitGetAsEntry = () => ({ isDirectory: true }) as FileSystemEntry;
  });
  await pasteOrDrop(chat.page.locator('main'), 'drop', ['folder']);
  await expect(chat.page.getByRole('alert')).toContainText('Folders can’t be attached');
  await expect(list.getByRole('listitem')).toHaveCount(3);
  expect(chat.errors.splice(0)).toEqual(Array(2).fill(expect.stringContaining('503')));
});

test('a picture alone is refused in a new chat, and starts no conversation', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await expect(chat.page.getByText('scripted').first()).toBeVisible();

  await pasteOrDrop(chat.field, 'paste', ['image.png']);

  await expect(chat.page.getByText(/“image\.png” can’t be attached/)).toBeVisible();
  await expect(chat.page.getByRole('button', { name: /Try again/ })).toHaveCount(0);
  await expect(chat.list.getByRole('listitem')).toHaveCount(0);
});

test('ten files are uploaded one at a time, and the message field stays in view', async ({
  scripted,
  chat,
}) => {
  const { page } = chat;
  const server = await scripted(echo);
  await page.setViewportSize({ width: 320, height: 480 });
  await chat.open(server);
  await chat.ask('before');
  const files = await mockFiles(page);
  const names = Array.from({ length: 10 }, (_, index) => `${index} ${'with a long name '.repeat(4)}.txt`);

  await pasteOrDrop(page.locator('main'), 'drop', names);

  await expect(chat.files.getByRole('listitem')).toHaveCount(10);
  await expect.poll(() => files).toEqual(names);
  await expect(chat.field).toBeInViewport({ ratio: 1 });
  await expect(chat.answers.first()).toBeInViewport();
  await chat.expectAllControlsReachable();
  await chat.expectNoHorizontalOverflow();
});

test('a file in progress is shown after a reload', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('before');
  await mockFiles(chat.page);
  await chat.fileInput.setInputFiles(textFile('sea.txt'));
  await expect(chat.page.getByText('Reading… 0 of 4')).toBeVisible();

  await chat.page.reload();

  await expect(chat.page.getByText('Reading… 0 of 4')).toBeVisible();
});

/**
 * Mocks the file routes: files are accepted and never completed, the server is too busy for `busy.txt`. Returns the names
 * of the uploaded files. The list grows with each upload.
 */
async function mockFiles(page: Page): Promise<string[]> {
  const names: string[] = [];
  const jobs: object[] = [];
  await page.route('**/api/v1/conversations/*/files{,/**}', async (route) => {
    const request = route.request();
    if (request.method() === 'GET') return route.fulfill({ json: { files: jobs } });
    if (request.method() === 'DELETE') return route.fulfill({ status: 204 });
    const name = /filename="([^"]+)"/.exec(request.postDataBuffer()?.toString() ?? '')?.[1] ?? '?';
    names.push(name);
    if (name === 'busy.txt') {
      const json = { message: 'The server is busy.', code: 'server_busy' };
      return route.fulfill({ status: 503, json });
    }
    const job = {
      job_id: `job of ${name}`,
      conversation_id: /conversations\/([^/]+)/.exec(request.url())?.[1],
      file_name: name,
      status: 'running',
      done: 0,
      of: 4,
      error: null,
    };
    jobs.push(job);
    return route.fulfill({ status: 202, json: job });
  });
  return names;
}
