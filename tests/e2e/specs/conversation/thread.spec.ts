import type { Page } from '@playwright/test';

import { askAll, type Chat } from '../../support/chat.ts';
import { expect, test } from '../../support/fixtures.ts';
import { echo } from '../../support/scripted-model.ts';
import type { Server } from '../../support/server.ts';

/** Opens a conversation with this number of questions, from `question 1` on. */
async function openLongConversation(server: Server, chat: Chat, count: number): Promise<void> {
  await chat.open(server);
  await chat.ask('question 1');
  const path = chat.path;
  await chat.page.getByRole('button', { name: 'New chat' }).click();
  await askAll(
    chat.page,
    path,
    Array.from({ length: count - 1 }, (_, index) => `question ${index + 2}`),
  );
  await chat.open(server, path);
  await expect(chat.questions.last()).toHaveText(`question ${count}`);
}

const scroller = (page: Page) => page.locator('.scroller');
const distanceToBottom = (page: Page) =>
  scroller(page).evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight);

test('a long conversation opens at its end, and older messages load without moving the view', async ({
  scripted,
  chat,
}) => {
  test.setTimeout(120_000);
  const server = await scripted(echo);
  await openLongConversation(server, chat, 80);
  await expect(chat.questions).toHaveCount(25);
  expect(await distanceToBottom(chat.page)).toBeLessThan(2);

  await chat.page.route('**/messages?before=*', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    await route.continue();
  });
  const visibleAnswer = chat.page.getByText('About question 59', { exact: true });
  await visibleAnswer.evaluate((element) => element.scrollIntoView({ block: 'center' }));
  await expect(visibleAnswer).toBeInViewport();
  const before = await visibleAnswer.boundingBox();
  await expect(chat.questions).not.toHaveCount(25);
  await chat.page.waitForTimeout(200);

  const after = await visibleAnswer.boundingBox();
  expect(Math.abs((after?.y ?? 0) - (before?.y ?? 999))).toBeLessThan(3);
  await expect(async () => {
    await scroller(chat.page).evaluate((element) => (element.scrollTop = 0));
    await expect(chat.questions).toHaveCount(80, { timeout: 500 });
  }).toPass();
  await expect(chat.questions.first()).toHaveText('question 1');
  const isFound = await chat.page.evaluate(() =>
    // The last option makes the search wrap around.
    (window as unknown as { find: (text: string, ...options: boolean[]) => boolean }).find(
      'About question 77',
      false,
      false,
      true,
    ),
  );
  expect(isFound, 'the browser does not find text far from the viewport').toBe(true);

  await scroller(chat.page).evaluate((element) => (element.scrollTop = 0));
  await expect(chat.page.getByRole('button', { name: 'Jump to latest' })).toBeVisible();
  await chat.ask('mine');
  await expect(chat.questions.last()).toBeInViewport();
  expect(await distanceToBottom(chat.page)).toBeLessThan(2);
});

test('a message that is answered within one frame is scrolled to and announced', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await openLongConversation(server, chat, 20);
  await scroller(chat.page).evaluate((element) => (element.scrollTop = 0));
  await expect(chat.page.getByRole('button', { name: 'Jump to latest' })).toBeVisible();
  // Without frames, as in a background tab, the page renders five times a second.
  await chat.page.evaluate(() => Object.assign(window, { requestAnimationFrame: () => 1 }));

  await chat.ask('mine');

  await expect(chat.questions.last()).toBeInViewport();
  await expect(chat.page.getByRole('log')).toContainText('About mine');
});

test('jumping to a distant message loads the messages around it', async ({
  scripted,
  chat,
}) => {
  test.setTimeout(120_000);
  const server = await scripted(echo);
  await openLongConversation(server, chat, 100);

  await chat.page.evaluate((position) => {
    interface AppElement {
      app: { thread: { value: { showMessage(position: number): Promise<void> } } };
    }
    const page = document.querySelector('webchat-app') as unknown as AppElement;
    return page.app.thread.value.showMessage(position);
  }, 41);

  const targetMessage = chat.questions.filter({ has: chat.page.getByText('question 21', { exact: true }) });
  await expect(targetMessage).toBeInViewport();
  await expect(targetMessage).toBeFocused();
  await expect(chat.page.locator('.highlighted')).toContainText('question 21');
  await expect(chat.page.locator('.highlighted')).toHaveCount(0, { timeout: 5000 });
  await chat.page.getByRole('button', { name: 'Jump to latest' }).click();
  await expect(chat.questions.last()).toBeInViewport();
  await chat.ask('one more');
  await expect(chat.questions.last()).toHaveText('one more');

  // Scrolling up from the end loads every message.
  await expect(async () => {
    await chat.page.locator('.unloaded-range, .older').last().scrollIntoViewIfNeeded({ timeout: 500 });
    await expect(chat.questions).toHaveCount(101, { timeout: 500 });
  }).toPass();
  const texts = await chat.questions.locator('.user-text p').allTextContents();
  const all = Array.from({ length: 100 }, (_, index) => `question ${index + 1}`);
  expect(texts).toEqual([...all, 'one more']);
});

test('scrolling up stops automatic scrolling, and a button jumps to the latest message', async ({
  scripted,
  chat,
}) => {
  let resume = () => {};
  const server = await scripted(async (_question, write) => {
    for (let chunk = 0; chunk < 3; chunk += 1) {
      write('A line of the answer.\n\n'.repeat(30));
      await new Promise<void>((resolve) => (resume = resolve));
    }
  });
  await chat.open(server);
  await chat.send('Talk');
  await expect(chat.answers.first().locator('p')).toHaveCount(30);
  await expect.poll(() => distanceToBottom(chat.page)).toBeLessThan(2);

  await scroller(chat.page).hover();
  await chat.page.mouse.wheel(0, -60);
  const jumpButton = chat.page.getByRole('button', { name: 'Jump to latest' });
  await expect(jumpButton).toBeVisible();
  const position = await scroller(chat.page).evaluate((element) => element.scrollTop);
  resume();
  await expect(chat.answers.first().locator('p')).toHaveCount(60);
  expect(await scroller(chat.page).evaluate((element) => element.scrollTop)).toBe(position);
  await jumpButton.click();
  await expect(jumpButton).toBeHidden();
  await expect(chat.field).toBeFocused();
  resume();
  await expect(chat.answers.first().locator('p')).toHaveCount(90);
  await expect.poll(() => distanceToBottom(chat.page)).toBeLessThan(2);
  resume();
});

test('a screen reader announces complete sentences', async ({ scripted, chat }) => {
  let resume = () => {};
  const server = await scripted(async (_question, write) => {
    for (const word of 'The sea rises. It falls again. And'.split(/(?<= )/)) write(word);
    await new Promise<void>((resolve) => (resume = resolve));
    write(' that is **all**.');
  });
  await chat.open(server);
  await chat.send('Tell me');
  const announcements = chat.page.getByRole('log').locator('p');

  await expect(announcements).toHaveText(['scripted is answering…', 'The sea rises. It falls again.']);
  resume();
  await expect(announcements).toHaveText([
    'scripted is answering…',
    'The sea rises. It falls again.',
    'And that is all.',
  ]);
});

test('the line after the last summarised message opens the context panel', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('first');
  await chat.ask('second');
  const summary = { text: 'An earlier topic.', token_count: 3, through: 2, message_count: 2 };
  await chat.page.route('**/context', async (route) => {
    const context = await (await route.fetch()).json();
    const json = { ...context, summary: { ...summary, author: 'model', created_at: '2026-01-02' } };
    await route.fulfill({ json });
  });
  await chat.page.reload();

  const line = chat.page.getByRole('button', { name: 'Summary up to here' });
  await expect(chat.page.getByRole('listitem').filter({ has: line })).toContainText('About first');
  await line.click();

  await expect(chat.settings.getByRole('textbox', { name: 'Summary' })).toHaveValue('An earlier topic.');
});

test('an unreachable model shows an error, and the answer can be retried', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo, {
    AZURE_API_URL: 'http://127.0.0.1:9/v1/chat/completions',
  });
  await chat.open(server);
  await chat.send('Are you there?');

  await expect(chat.answers.first()).toContainText('The model can’t be reached.');
  await expect(chat.answers.first().getByRole('button', { name: 'Try again' })).toBeVisible();
  await chat.expectAccessible();
});

for (const [name, size, scheme] of [
  ['320 px wide', { width: 320, height: 640 }, 'light'],
  // A window of 1440 × 900 pixels at a zoom of 200 % has 720 × 450 CSS pixels.
  ['at 200 %', { width: 720, height: 450 }, 'light'],
  ['at 200 % on a small screen', { width: 640, height: 400 }, 'dark'],
] as const) {
  test(`the thread is accessible and does not overflow: ${name}`, async ({ scripted, chat }) => {
    const server = await scripted(async (question, write) => {
      if (question === 'stop') await new Promise(() => write('The first part. '));
      write('مرحبا بالعالم\n\n`' + 'long'.repeat(40) + '` $x^2$\n\n| a | b |\n|-|-|\n|' + ' word'.repeat(30) + '| 2 |');
    });
    await chat.page.setViewportSize(size);
    await chat.page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await chat.open(server);
    await chat.ask('long'.repeat(60));
    await expect(chat.answers.first().locator('math')).toBeVisible();
    await expect(chat.answers.first().locator('p').first()).toHaveCSS('direction', 'rtl');
    await chat.send('stop');
    await chat.page.getByRole('button', { name: 'Stop' }).click();
    await chat.waitForAnswer();
    await expect(chat.answers.last().getByRole('button', { name: 'Continue' })).toBeVisible();
    await chat.questions.first().hover();
    await chat.expectAccessible();
    await chat.expectAllControlsReachable();
    await chat.page.getByRole('button', { name: 'Edit question' }).first().click();
    await chat.expectAccessible();
    await chat.expectAllControlsReachable();

    await chat.expectNoHorizontalOverflow();
    const isOverflowing = await scroller(chat.page).evaluate((element) => element.scrollWidth > element.clientWidth);
    expect(isOverflowing, 'the thread scrolls horizontally').toBe(false);
  });
}

test('right-to-left text keeps its direction everywhere', async ({
  scripted,
  chat,
}) => {
  const { page } = chat;
  const server = await scripted(async (_question, write) =>
    write('القمر **يجذب** البحر.\n\n- واحد\n\nAnd in English.\n\n```\nx = 1\n```'),
  );
  await chat.open(server);
  await expect(chat.field).toHaveCSS('direction', 'ltr');
  await chat.field.fill('لماذا المد والجزر؟');
  await expect(chat.field).toHaveCSS('direction', 'rtl');
  await chat.field.press('Enter');
  await chat.waitForAnswer();

  await expect(chat.questions.first().locator('p')).toHaveCSS('direction', 'rtl');
  const answer = chat.answers.first();
  await expect(answer.locator('p').first()).toHaveCSS('direction', 'rtl');
  await expect(answer.getByRole('listitem')).toHaveCSS('direction', 'rtl');
  await expect(answer.locator('p').last()).toHaveCSS('direction', 'ltr');
  await expect(answer.locator('code')).toHaveCSS('direction', 'ltr');
  const entry = chat.list.getByRole('link');
  await expect(entry).toHaveCSS('direction', 'rtl');
  await entry.press('F2');
  await expect(page.getByRole('textbox', { name: 'Title' })).toHaveCSS('direction', 'rtl');
  await page.keyboard.press('Escape');
  await page.getByRole('searchbox').fill('البحر');
  await expect(chat.list.getByRole('link').locator('strong').first()).toHaveCSS('direction', 'rtl');
});

test('characters of many code points stay intact and do not overflow', async ({
  scripted,
  chat,
}) => {
  const { page } = chat;
  const family = '👩‍👩‍👧‍👦';
  const flag = '🏴󠁧󠁢󠁷󠁬󠁳󠁿';
  const stacked = `a${'\u0301\u0300\u0302'.repeat(60)}`;
  const text = `${family} ${flag} 👍🏽 e\u0301 नि ${stacked}`;
  const server = await scripted(async (question, write) => {
    // Write each code point separately.
    for (const point of question) write(point);
  });
  await chat.open(server);
  await chat.ask(`${family.repeat(50)}\n${text}`);
  await page.reload();

  await expect(chat.questions).toHaveText([`${family.repeat(50)}\n${text}`], {
    useInnerText: true,
  });
  await expect(chat.answers.first().locator('p')).toContainText(text);
  const row = await page.locator('.messages > li').last().boundingBox();
  expect(row?.height, 'combining characters take up extra height').toBeLessThan(300);
  await chat.expectNoHorizontalOverflow();
  await chat.list.getByRole('link').press('F2');
  await page.getByRole('textbox', { name: 'Title' }).fill(family.repeat(8));
  await page.keyboard.press('Enter');
  await expect(chat.list.getByRole('link')).toHaveText(family.repeat(8));
  await chat.list.getByRole('link').press('Delete');
  await expect(page.getByText(`${family.repeat(8)}\u2069” was deleted.`)).toBeVisible();
});
