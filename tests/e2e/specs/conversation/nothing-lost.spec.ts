import type { Page } from '@playwright/test';

import { type Chat, pressWhileComposing } from '../../support/chat.ts';
import { textFile } from '../../support/files.ts';
import { expect, test } from '../../support/fixtures.ts';
import { echo } from '../../support/scripted-model.ts';

/** Delays the requests to the API, as a slow network does. */
async function slowDown(page: Page): Promise<void> {
  await page.route('**/api/v1/**', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 900));
    await route.continue();
  });
}

const conversations = (chat: Chat) => chat.list.getByRole('listitem');

test('a file and the question about it begin one conversation, also on a slow network', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await slowDown(chat.page);

  await chat.fileInput.setInputFiles(textFile('sea.txt'));
  await chat.send('What is it about?');
  await expect(chat.questions).toHaveText(['What is it about?'], { timeout: 800 });
  await expect(chat.files).toContainText('sea.txt');

  await expect(chat.questions).toHaveText([/What is it about|sea\.txt/, /What is it about|sea\.txt/]);
  await expect(conversations(chat)).toHaveCount(1);
});

test('a double click on a suggestion begins one conversation with one question', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await slowDown(chat.page);

  await chat.page.getByRole('button', { name: /tides/ }).dblclick();

  await expect(chat.answers).toHaveText([/About Explain/]);
  await expect(chat.questions).toHaveCount(1);
  await expect(conversations(chat)).toHaveCount(1);
});

for (const gap of [60, 120, 200]) {
  test(`a double click on Send with ${gap} ms between the clicks does not stop the answer`, async ({
    scripted,
    chat,
  }) => {
    const server = await scripted(async (_question, write) => {
      for (let count = 0; count < 15; count += 1) {
        write('word ');
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      write('end.');
    });
    await chat.open(server);
    await chat.ask('before');
    await chat.field.fill('Talk');
    const button = chat.page.getByRole('button', { name: 'Send' });
    await button.hover();
    await button.evaluate((element, gap) => {
      const click = () => {
        const { x, y, width, height } = element.getBoundingClientRect();
        const target = document.elementFromPoint(x + width / 2, y + height / 2);
        target?.dispatchEvent(new MouseEvent('click', { detail: 1, bubbles: true, cancelable: true }));
      };
      // Within the page, because the gap must not depend on the load of the machine.
      click();
      return new Promise<void>((resolve) => setTimeout(() => resolve(click()), gap));
    }, gap);

    await expect(chat.answers).toHaveCount(2);
    await chat.waitForAnswer();
    await expect(chat.answers.last()).toContainText('end.');
    await expect(chat.answers.last()).not.toContainText('stopped');
  });
}

test('a message of a tab that is closed during a server outage is sent by another tab', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('before');
  const other = await chat.openTab(server, chat.path);
  const newChat = await chat.openTab(server);
  await server.kill();
  await expect(chat.page.getByText('Reconnecting…')).toBeVisible();

  await chat.send('from the first tab');
  await expect(other.questions).toHaveText(['before', /^\s*from the first tab/]);
  await newChat.send('a new chat');
  await expect(newChat.questions).toHaveText([/a new chat/]);
  await other.field.fill('a draft');
  await chat.page.close();
  await newChat.page.close();
  await server.restart();

  await expect(other.answers.last()).toContainText('About from the first tab');
  await expect(conversations(other)).toHaveText([/a new chat/, /before/]);
  await expect(other.field).toHaveValue('a draft');
  await other.page.reload();
  await expect(other.questions).toHaveText(['before', 'from the first tab']);
});

test('messages written during a server outage are sent one after the other', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await server.kill();
  await expect(chat.page.getByText('Reconnecting…')).toBeVisible();

  await chat.send('first');
  await chat.send('second');
  await expect(chat.questions).toHaveText([/first/, /second/]);
  await server.restart();

  await expect(chat.answers).toHaveText([/About first/, /About second/]);
  await expect(chat.page.getByRole('alert')).toHaveCount(0);
});

test('an edit survives Escape, a look into another conversation and a reload', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const editor = chat.page.getByRole('textbox', { name: 'Question' });
  const edit = chat.page.getByRole('button', { name: 'Edit question' });
  await chat.field.press('ArrowUp');
  await expect(editor).toBeFocused();
  await editor.fill('tides and moons');

  await pressWhileComposing(editor, 'Escape');
  await expect(editor).toHaveValue('tides and moons');
  await editor.press('Escape');
  await expect(chat.questions).toHaveText([/^\s*tides\s*$/]);
  await edit.click();
  await expect(editor).toHaveValue('tides and moons');

  await chat.page.getByRole('button', { name: 'New chat' }).click();
  await chat.list.getByRole('link', { name: 'tides' }).click();
  await expect(editor).toHaveValue('tides and moons');
  await chat.page.reload();
  await expect(editor).toHaveValue('tides and moons');
  await expect(chat.field).toBeFocused();
  await chat.expectAccessible();

  await chat.page.getByRole('button', { name: 'Cancel' }).click();
  await expect(editor).toHaveCount(0);
  await chat.page.getByRole('button', { name: 'Undo' }).click();
  await expect(editor).toHaveValue('tides and moons');
  await editor.press('Enter');
  await expect(chat.answers).toHaveText([/About tides and moons/]);
});

for (const storage of ['full', 'blocked'] as const) {
  test(`texts are kept while the page is open if the storage is ${storage}`, async ({
    scripted,
    chat,
  }) => {
    const server = await scripted(echo);
    await chat.page.addInitScript((kind) => {
      const refuse = () => {
        throw new DOMException('refused', 'QuotaExceededError');
      };
      if (kind === 'full') Storage.prototype.setItem = refuse;
      else {
        Object.defineProperty(window, 'localStorage', { get: refuse });
        Object.defineProperty(window, 'sessionStorage', { get: refuse });
      }
    }, storage);
    await chat.open(server);
    await chat.ask('tides');

    await chat.field.fill('a draft');
    await expect(chat.page.getByText(/storage is full or blocked/)).toBeVisible();
    await chat.page.getByRole('button', { name: 'New chat' }).click();
    await chat.field.fill('another');
    await chat.list.getByRole('link', { name: 'tides' }).click();
    await expect(chat.field).toHaveValue('a draft');
    await chat.page.getByRole('button', { name: 'New chat' }).click();
    await expect(chat.field).toHaveValue('another');
    await chat.fileInput.setInputFiles(textFile('sea.txt'));

    await expect(chat.questions).toHaveText([/sea\.txt/]);
    await expect(chat.field).toHaveValue('another');
    await chat.page.getByRole('button', { name: / theme$/ }).click();
    await expect(chat.page.getByText(/storage is full or blocked/)).toHaveCount(1);
  });
}

test('Enter while an answer is being generated keeps the text, and Escape stops the answer', async ({
  scripted,
  chat,
}) => {
  let resume = () => {};
  const server = await scripted(async (_question, write) => {
    write('For ever ');
    await new Promise<void>((resolve) => (resume = resolve));
    write('and ever ');
    await new Promise(() => {});
  });
  await chat.open(server);
  await chat.send('Talk');
  await expect(chat.answers).toHaveText([/For ever/]);

  await chat.send('And then?');
  await expect(chat.field).toHaveValue('And then?');
  await expect(chat.page.getByText(/Not sent: wait for the answer/)).toBeVisible();
  await chat.expectAccessible();
  await pressWhileComposing(chat.field, 'Escape');
  resume();
  await expect(chat.answers.first()).toContainText('For ever and ever');
  await expect(chat.answers.first()).not.toContainText('stopped');
  await chat.field.press('Escape');

  await expect(chat.answers.first()).toContainText('You stopped this answer.');
  await expect(chat.page.getByText(/Not sent: wait for the answer/)).toHaveCount(0);
  await expect(chat.field).toHaveValue('And then?');
});

test.describe('on a phone', () => {
  test.use({ hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } });

  test('Enter starts a new line, and the button sends', async ({ scripted, chat }) => {
    const server = await scripted(echo);
    await chat.open(server);
    await chat.field.fill('one');
    await chat.field.press('Enter');
    await chat.page.keyboard.type('two');
    await expect(chat.field).toHaveValue('one\ntwo');

    await chat.page.getByRole('button', { name: 'Send' }).tap();

    await expect(chat.questions).toHaveText([/one\s+two/]);
  });
});
