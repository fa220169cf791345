import type { Page } from '@playwright/test';

import { Chat } from '../../support/chat.ts';
import { expect, test } from '../../support/fixtures.ts';

/** Answers each question when the test says so. */
function answersOnDemand() {
  const waiting: (() => void)[] = [];
  const script = async (question: string, write: (text: string) => void) => {
    if (question.startsWith('wait')) await new Promise<void>((resolve) => waiting.push(resolve));
    write(`About ${question}`);
  };
  const answer = async () => {
    await expect.poll(() => waiting.length).toBeGreaterThan(0);
    waiting.shift()?.();
  };
  return { script, answer };
}

const markOf = ({ list }: Chat, title: string) =>
  list.getByRole('listitem').filter({ has: list.page().getByRole('link', { name: title }) }).getByRole('img');

/** Pretends that the tab is in the background, or in front again. */
const setHidden = (page: Page, isHidden: boolean) =>
  page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);

test('the list shows where an answer is being generated and where one is unread, in all tabs', async ({
  scripted,
  chat,
}) => {
  const { script, answer } = answersOnDemand();
  const server = await scripted(script);
  await chat.open(server);
  await chat.send('wait for tides');
  await expect(chat.page.getByText('scripted is thinking…')).toBeVisible();
  await expect(markOf(chat, 'wait for tides')).toHaveAccessibleName('Answering…');

  await chat.page.getByRole('button', { name: 'New chat' }).first().click();
  await chat.ask('moons');
  const tab = await chat.openTab(server);
  for (const each of [chat, tab]) {
    await expect(markOf(each, 'wait for tides')).toHaveAccessibleName('Answering…');
  }
  await chat.page.reload();
  await expect(markOf(chat, 'wait for tides')).toHaveAccessibleName('Answering…');
  await answer();
  for (const each of [chat, tab]) {
    await expect(markOf(each, 'wait for tides')).toHaveAccessibleName('New answer');
    await expect(markOf(each, 'moons')).toHaveCount(0);
  }
  await expect(chat.list.getByRole('link', { name: 'wait for tides' })).toHaveAccessibleDescription('New answer');
  await chat.expectAccessible();
  await chat.page.reload();
  await expect(markOf(chat, 'wait for tides')).toHaveAccessibleName('New answer');

  await tab.list.getByRole('link', { name: 'wait for tides' }).click();

  for (const each of [chat, tab]) await expect(markOf(each, 'wait for tides')).toHaveCount(0);
});

interface Recorder {
  shown: { title: string; body: string; click: () => void }[];
}

/** Records notifications instead of showing them. */
async function recordNotifications(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const recorder: Recorder = { shown: [] };
    class FakeNotification extends EventTarget {
      static permission = 'granted';
      static requestPermission = async () => 'granted';
      constructor(title: string, { body = '' }: NotificationOptions) {
        super();
        recorder.shown.push({ title, body, click: () => this.dispatchEvent(new Event('click')) });
      }
      close(): void {}
    }
    Object.assign(window, { recorder, Notification: FakeNotification });
  });
}

const shownBy = (page: Page) =>
  page.evaluate(() =>
    (window as unknown as { recorder: Recorder }).recorder.shown.map(({ title, body }) => `${title}: ${body}`),
  );

test('one notification announces an unseen answer, if the user has turned them on', async ({
  scripted,
  chat,
  context,
}) => {
  const { script, answer } = answersOnDemand();
  const server = await scripted(script);
  await recordNotifications(chat.page);
  await chat.open(server);
  const tab = await Chat.in(context);
  await recordNotifications(tab.page);
  await tab.open(server);
  const hideAll = async (isHidden: boolean) => {
    for (const { page } of [chat, tab]) await setHidden(page, isHidden);
  };

  await chat.send('wait for moons');
  await hideAll(true);
  await answer();
  await expect(markOf(chat, 'wait for moons')).toHaveAccessibleName('New answer');
  await expect(chat.page).toHaveTitle(/^• wait for moons/);
  await chat.page.waitForTimeout(1500);
  expect([...(await shownBy(chat.page)), ...(await shownBy(tab.page))]).toEqual([]);

  await hideAll(false);
  await expect(markOf(chat, 'wait for moons')).toHaveCount(0);
  await chat.page.getByRole('button', { name: 'Menu', exact: true }).click();
  await chat.page.getByRole('menuitem', { name: 'Notify me when an answer is ready' }).click();
  await expect(chat.page.getByText('You will be notified')).toBeVisible();
  await chat.send('wait for tides');
  await expect(chat.questions).toHaveCount(2);
  await tab.list.getByRole('link', { name: 'wait for moons' }).click();
  await hideAll(true);
  await answer();
  await expect.poll(async () => [...(await shownBy(chat.page)), ...(await shownBy(tab.page))]).toEqual([
    'wait for moons: The answer is ready.',
  ]);
  await chat.page.waitForTimeout(1500);
  expect([...(await shownBy(chat.page)), ...(await shownBy(tab.page))]).toHaveLength(1);

  for (const { page } of [chat, tab]) {
    await page.getByRole('button', { name: 'New chat' }).first().click();
    await page.evaluate(() =>
      (window as unknown as { recorder: Recorder }).recorder.shown.forEach(({ click }) => click()),
    );
  }
  const openCount = async () => (await chat.answers.count()) + (await tab.answers.count());
  await expect.poll(openCount, 'the notification opens its conversation').toBe(2);
});
