import type { Page } from '@playwright/test';

import type { Chat } from '../../support/chat.ts';
import { expect, test } from '../../support/fixtures.ts';
import type { Server } from '../../support/server.ts';

/** Records all animations and transitions of the page. Returns a function that returns their names so far. */
async function recordAnimations(page: Page): Promise<() => Promise<string[]>> {
  await page.addInitScript(() => {
    const started: string[] = [];
    Object.assign(window, { started });
    addEventListener('animationstart', ({ animationName }) => started.push(animationName), true);
    addEventListener('transitionrun', ({ propertyName }) => started.push(propertyName), true);
  });
  return () =>
    page.evaluate(() => {
      const { started } = window as unknown as { started: string[] };
      const running = document.getAnimations().map((animation) =>
        animation instanceof CSSAnimation
          ? animation.animationName
          : (animation as CSSTransition).transitionProperty,
      );
      return [...started, ...running];
    });
}

/** Triggers every animation of the page. */
async function triggerAnimations(chat: Chat, server: Server, resume: () => void): Promise<void> {
  const { page } = chat;
  await chat.open(server);
  await chat.send('tides');
  await expect(page.getByText('is thinking…')).toBeVisible();
  resume();
  await chat.waitForAnswer();
  await chat.questions.first().hover();
  await chat.settingsButton.click();
  // On a busy machine, a dialog that closes immediately is never animated.
  await page.getByRole('dialog').evaluate(async (dialog) => {
    await Promise.all(dialog.getAnimations().map((animation) => animation.finished));
  });
  await page.keyboard.press('Escape');
  await page.goto(`${page.url()}#m1`);
  await expect(page.locator('.highlighted')).toBeVisible();
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole('button', { name: 'Chats', exact: true }).click();
  await expect(chat.list.getByRole('link')).toBeVisible();
  await chat.list.getByRole('link').press('Delete');
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.keyboard.press('Escape');
}

/** Reloads the conversation, and kills the server during the reload. */
async function disconnectWhileLoading(chat: Chat, server: Server): Promise<void> {
  const { page } = chat;
  await page.route('**/messages', () => {});
  await page.reload();
  await expect(page.getByRole('status', { name: 'Loading the chat' })).toBeVisible();
  await server.kill();
  await expect(page.getByText('Messages and files will be sent')).toBeVisible();
}

for (const reducedMotion of ['reduce', 'no-preference'] as const) {
  test(`animations run only without reduced motion: ${reducedMotion}`, async ({ scripted, chat }) => {
    const { page } = chat;
    let resume = () => {};
    // The page shows that the model is thinking before the model has the question.
    const resumed = new Promise<void>((resolve) => (resume = resolve));
    const server = await scripted(async (_question, write) => {
      await resumed;
      write('They come **twice** a day.');
    });
    await page.emulateMedia({ reducedMotion });
    const started = await recordAnimations(page);

    const isReduced = reducedMotion === 'reduce';
    // Without reduced motion, every animation must run. This also shows that the recording works. Some start late.
    const mismatches = async (names: string[]) => {
      const all = await started();
      return isReduced ? all : names.filter((name) => !all.includes(name));
    };
    const expectAnimations = (names: string[]) => expect.poll(() => mismatches(names)).toEqual([]);

    await triggerAnimations(chat, server, resume);
    await expectAnimations(['mark', 'opacity', 'pulse', 'rise', 'slide', 'transform']);
    await disconnectWhileLoading(chat, server);
    await expectAnimations(['pulse']);
  });
}

test('with reduced motion, an import of unknown length shows text instead of a progress bar', async ({
  scripted,
  chat,
}) => {
  const { page } = chat;
  const server = await scripted(async (_question, write) => write('Fine.'));
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

test('with reduced motion, the page jumps to the latest message without scrolling', async ({ scripted, chat }) => {
  const { page } = chat;
  const server = await scripted(async (_question, write) => write('A line.\n\n'.repeat(100)));
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await chat.open(server);
  await chat.ask('Talk');
  await page.locator('.scroller').evaluate((scroller) => (scroller.scrollTop = 0));
  const jumpButton = page.getByRole('button', { name: 'Jump to latest' });
  await expect(jumpButton).toBeVisible();

  const below = await jumpButton.evaluate((button) => {
    (button as HTMLElement).click();
    const scroller = document.querySelector('.scroller');
    if (!scroller) return Number.NaN;
    return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  });

  expect(below).toBeLessThan(2);
});
