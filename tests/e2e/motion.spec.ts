import type { Page } from '@playwright/test';

import { type Chat, expect, test } from './fixtures.ts';
import type { Server } from './server.ts';

/** What has begun to move, by the page's own account: the names of animations and properties. */
async function watchMotion(page: Page): Promise<() => Promise<string[]>> {
  await page.addInitScript(() => {
    const moved: string[] = [];
    Object.assign(window, { moved });
    addEventListener('animationstart', ({ animationName }) => moved.push(animationName), true);
    addEventListener('transitionrun', ({ propertyName }) => moved.push(propertyName), true);
  });
  return () =>
    page.evaluate(() => {
      const { moved } = window as unknown as { moved: string[] };
      const running = document.getAnimations().map((one) =>
        one instanceof CSSAnimation ? one.animationName : (one as CSSTransition).transitionProperty,
      );
      return [...moved, ...running];
    });
}

/** Goes through all that moves where motion is wanted, and ends with a lost connection. */
async function goThrough(chat: Chat, server: Server, goOn: () => void): Promise<void> {
  const { page } = chat;
  await chat.open(server);
  await chat.say('tides');
  await expect(page.getByRole('img', { name: 'Thinking' })).toBeVisible();
  goOn();
  await chat.whole();
  await chat.questions.first().hover();
  await page.getByRole('button', { name: /^\d+ tokens/ }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await page.goto(`${page.url()}#m1`);
  await expect(page.locator('.marked')).toBeVisible();
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole('button', { name: 'Conversations' }).click();
  await expect(chat.list.getByRole('link')).toBeVisible();
  await chat.list.getByRole('link').press('Delete');
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.keyboard.press('Escape');
}

/** Opens the conversation again, and loses the server while it is read. */
async function loseWhileLoading(chat: Chat, server: Server): Promise<void> {
  const { page } = chat;
  await page.route('**/messages', () => {});
  await page.reload();
  await expect(page.getByRole('status', { name: 'Loading the conversation' })).toBeVisible();
  await server.kill();
  await expect(page.getByText('What you send now goes out')).toBeVisible();
}

for (const reducedMotion of ['reduce', 'no-preference'] as const) {
  test(`what moves where motion is: ${reducedMotion}`, async ({ scripted, chat }) => {
    const { page } = chat;
    let goOn = () => {};
    const server = await scripted(async (_question, say) => {
      await new Promise<void>((resolve) => (goOn = resolve));
      say('They come **twice** a day.');
    });
    await page.emulateMedia({ reducedMotion });
    const moved = await watchMotion(page);

    await goThrough(chat, server, () => goOn());
    const before = await moved();
    await loseWhileLoading(chat, server);
    const after = await moved();

    const isStill = reducedMotion === 'reduce';
    // What is seen to move elsewhere would be seen here.
    const all = ['mark', 'opacity', 'pulse', 'rise', 'slide', 'transform'];
    expect(before).toEqual(isStill ? [] : expect.arrayContaining(all));
    expect(after).toEqual(isStill ? [] : expect.arrayContaining(['pulse']));
  });
}

test('without motion an import that nobody can measure yet is told in words alone', async ({
  scripted,
  chat,
}) => {
  const { page } = chat;
  const server = await scripted(async (_question, say) => say('Fine.'));
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await chat.open(server);
  await page.route('**/api/v1/imports', () => {});
  await page.getByRole('button', { name: 'Menu', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Import' }).click();
  const file = { name: 'a.json', mimeType: 'application/json', buffer: Buffer.from('{}') };
  await page.getByRole('dialog').locator('input[type=file]').setInputFiles(file);

  await expect(page.getByText('Sending a.json…')).toBeVisible();
  await expect(page.getByRole('progressbar')).toBeHidden();
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  await expect(page.getByRole('progressbar')).toBeVisible();
});

test('without motion the newest message is there at once', async ({ scripted, chat }) => {
  const { page } = chat;
  const server = await scripted(async (_question, say) => say('A line.\n\n'.repeat(100)));
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await chat.open(server);
  await chat.ask('Talk');
  await page.locator('.scroller').evaluate((scroller) => (scroller.scrollTop = 0));
  const newest = page.getByRole('button', { name: 'Newest' });
  await expect(newest).toBeVisible();

  const below = await newest.evaluate((button) => {
    (button as HTMLElement).click();
    const scroller = document.querySelector('.scroller');
    if (!scroller) return Number.NaN;
    return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  });

  expect(below).toBeLessThan(2);
});
