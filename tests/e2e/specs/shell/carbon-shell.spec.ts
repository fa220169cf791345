import { devices } from '@playwright/test';

import { expect, test } from '../../support/fixtures.ts';
import { echo } from '../../support/scripted-model.ts';

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the sidebar collapses to a rail, and stays so after a reload: ${colorScheme}`, async ({
    scripted,
    chat,
  }) => {
    const { page } = chat;
    const server = await scripted(echo);
    await page.emulateMedia({ colorScheme });
    await chat.open(server);
    await chat.ask('tides');
    const toggle = page.getByRole('button', { name: 'Chats', exact: true });
    await expect(toggle).toHaveAttribute('aria-expanded', 'true');

    await chat.list.getByRole('link').focus();
    await page.keyboard.press('Control+b');
    await expect(chat.list.getByRole('link')).toHaveCount(0);
    await expect(toggle).toBeFocused();
    await page.reload();
    await expect(chat.answers).toHaveCount(1);
    await expect(toggle).toHaveAttribute('aria-expanded', 'false');
    expect((await chat.list.boundingBox())?.width).toBeLessThan(50);
    await expect(page.getByRole('banner')).toHaveCSS('color-scheme', 'dark');
    await chat.expectAccessible();
    await chat.expectAllControlsReachable();

    await chat.list.getByRole('button', { name: 'Search' }).click();
    await expect(page.getByRole('searchbox')).toBeFocused();
    await page.reload();
    await chat.list.getByRole('button', { name: 'New chat' }).click();
    await expect(chat.answers).toHaveCount(0);
    await expect(chat.field).toBeFocused();
    await toggle.click();
    await expect(chat.list.getByRole('link')).toHaveText(['tides']);
  });
}

test('an icon button has a tooltip on hover and on focus, and Escape hides it', async ({
  scripted,
  chat,
}) => {
  const { page } = chat;
  const server = await scripted(echo);
  await chat.open(server);
  const tooltip = page.locator('.tooltip');
  const settings = chat.settingsButton;

  await settings.hover();
  await expect(tooltip).toHaveText('Chat settings');
  // The pointer may move onto the tooltip.
  await tooltip.hover();
  await page.waitForTimeout(400);
  await expect(tooltip).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(tooltip).toBeHidden();
  await page.keyboard.press('Shift+Tab');
  await settings.focus();
  await expect(tooltip).toHaveText('Chat settings');
  await chat.expectAccessible();
  await page.keyboard.press('Tab');
  await expect(tooltip).toHaveText('Switch to light theme');
  await page.keyboard.press('Enter');
  await expect(tooltip).toHaveText('Switch to dark theme');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await expect(tooltip).not.toHaveText('Chat settings');
});

test('a title that is cut off is shown in a tooltip', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  const title = 'a title that is far too long for its row in the list of conversations';
  await chat.ask(title);
  await chat.choose('a title', 'Rename');
  await chat.page.getByRole('textbox', { name: 'Title' }).fill(title);
  await chat.page.keyboard.press('Enter');

  await chat.page.getByRole('banner').hover();
  await chat.list.getByRole('link').hover();

  await expect(chat.page.locator('.tooltip')).toHaveText(title);
});

test('closing a menu, a dialog or a toast never leaves the focus on the body', async ({
  scripted,
  chat,
}) => {
  const { page } = chat;
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const expectFocus = () => expect(page.locator('body')).not.toBeFocused();

  await page.getByRole('button', { name: 'Menu', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Import' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  await expect(page.getByRole('button', { name: 'Menu', exact: true })).toBeFocused();
  await chat.choose('tides', 'Clear');
  await page.getByRole('dialog').getByRole('button', { name: 'Clear' }).click();
  await expect(page.getByText('Chat cleared.')).toBeVisible();
  await chat.expectAccessible();
  await expectFocus();
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await expectFocus();
  await chat.list.getByRole('link').press('Delete');
  await expect(chat.list.getByRole('link')).toHaveCount(0);
  await expectFocus();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expectFocus();
});

test.describe('on a phone', () => {
  const { defaultBrowserType: _, ...phone } = devices['iPhone 13'];
  test.use(phone);

  test('the header has the title and a new chat, and every target has 44 px', async ({
    scripted,
    chat,
  }) => {
    const server = await scripted(echo);
    const { page } = chat;
    await chat.open(server);
    await expect(page.getByRole('banner')).toContainText('Webchat');
    // On a phone, Enter breaks the line.
    await chat.field.fill('tides');
    await page.getByRole('button', { name: 'Send' }).click();
    await expect(chat.answers).toHaveCount(1);
    await chat.waitForAnswer();
    const banner = page.getByRole('banner');
    await expect(banner).toContainText('tides');
    const smallTargets = () =>
      page.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>('button, [role="menuitem"], nav a')]
          .filter((target) => target.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
          .map((target) => ({ name: target.ariaLabel ?? target.innerText, box: target.getBoundingClientRect() }))
          .filter(({ box }) => box.height < 44 || box.width < 44)
          .map(({ name, box }) => `${name}: ${box.width} × ${box.height}`),
      );

    expect(await smallTargets()).toEqual([]);
    await page.getByRole('button', { name: 'Chats', exact: true }).click();
    await expect(chat.list.getByRole('link')).toBeVisible();
    expect(await smallTargets()).toEqual([]);
    await chat.list.getByRole('button', { name: /^Options for/ }).click();
    expect(await smallTargets()).toEqual([]);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await banner.getByRole('button', { name: 'New chat' }).click();

    await expect(chat.answers).toHaveCount(0);
    await expect(page.locator('body')).not.toBeFocused();
    await page.getByRole('button', { name: 'Menu', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Switch to light theme' }).click();
    await page.getByRole('button', { name: 'Menu', exact: true }).click();
    await expect(page.getByRole('menuitem', { name: 'Switch to dark theme' })).toBeVisible();
    await expect(page.getByRole('menuitem', { name: 'Keyboard shortcuts' })).toBeVisible();
  });
});

test('fonts of other scripts and italics are loaded only when they are needed', async ({ scripted, chat }) => {
  const server = await scripted(async (question, write) =>
    write(question === 'plain' ? 'Plain text.' : '*Slanted*, Ελληνικά, Tiếng Việt'),
  );
  const fonts: string[] = [];
  chat.page.on('response', (response) => {
    const name = /IBMPlex\w+-(\w+-\w+)-/.exec(response.url())?.[1];
    if (name !== undefined) fonts.push(name);
  });
  await chat.open(server);
  await chat.ask('plain');
  expect(fonts.filter((name) => !name.endsWith('Latin1') && !name.endsWith('Pi'))).toEqual([]);

  await chat.ask('foreign');

  await expect.poll(() => fonts).toEqual(expect.arrayContaining(['Italic-Latin1', 'Regular-Greek', 'Regular-Latin3']));
});
