import type { Page } from '@playwright/test';

import { Chat } from '../../support/chat.ts';
import { expect, test } from '../../support/fixtures.ts';
import type { Users } from '../../support/server.ts';

const PASSWORD = 'three tides a day';
const USERS: Users = {
  ada: { password: PASSWORD, role: 'admin' },
  otto: { password: PASSWORD, role: 'auditor' },
  alice: PASSWORD,
  bob: PASSWORD,
};
const SETTINGS = { AUTH: 'required', ADMIN_CONVERSATION_ACCESS: 'on' };

async function signIn(page: Page, name: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Name' }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

test('an administrator finds and disables a user, and sees it in the audit log', async ({ scripted, chat, browser }) => {
  const server = await scripted(async (_question, write) => write('High water.'), SETTINGS, USERS);
  const { page } = chat;
  // Nothing but the sign-in can be loaded before.
  chat.expectsErrors = true;
  await page.goto(server.url);
  await signIn(page, 'ada');
  await page.getByRole('banner').getByRole('button', { name: 'Menu', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Administration' }).click();
  await expect(page.getByRole('heading', { name: 'Administration' })).toBeVisible();
  await expect(page.getByRole('rowheader')).toHaveText(['ada', 'alice', 'bob', 'otto']);
  await chat.expectAccessible();

  const alice = await Chat.in(await browser.newContext());
  await alice.page.goto(server.url);
  await signIn(alice.page, 'alice');
  await alice.ask('Why tides?');
  await expect(alice.answers).toContainText('High water.');
  await page.getByRole('searchbox', { name: 'Name begins with' }).fill('AL');
  await expect(page.getByRole('rowheader')).toHaveText(['alice']);
  await page.getByRole('button', { name: 'alice' }).click();
  const panel = page.getByRole('dialog', { name: 'alice' });
  await expect(panel.getByRole('button', { name: 'Sign out everywhere' })).toBeVisible();
  await chat.expectAccessible();

  await panel.getByRole('textbox', { name: 'Reason' }).fill('Request 4711 of alice');
  await panel.getByRole('button', { name: 'Show chats' }).click();
  await panel.getByRole('button', { name: 'Why tides?' }).click();
  await expect(panel.getByText('High water.')).toBeVisible();
  await chat.expectAccessible();

  await panel.getByRole('button', { name: 'Disable account' }).click();
  await expect(panel.getByRole('button', { name: 'Enable account' })).toBeVisible();
  await expect(alice.page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await panel.getByRole('button', { name: 'Reset password…' }).click();
  await panel.getByRole('button', { name: 'Reset password', exact: true }).click();
  await expect(panel.getByRole('button', { name: 'Copy password' })).toBeFocused();
  await chat.expectAccessible();
  await page.keyboard.press('Escape');
  await expect(panel).toHaveCount(0);
  await page.getByRole('combobox', { name: 'State' }).selectOption('Disabled');
  await expect(page.getByRole('rowheader')).toHaveText(['alice']);

  await page.getByRole('link', { name: 'Audit log' }).click();
  await page.getByRole('textbox', { name: 'User' }).fill('alice');
  await page.getByRole('combobox', { name: 'Action' }).selectOption('Disabled the account');
  const entry = page.getByRole('row').nth(1);
  await expect(page.getByRole('row')).toHaveCount(2);
  await expect(entry).toContainText('ada');
  await expect(entry).toContainText('Disabled the account');
  await page.getByRole('combobox', { name: 'Action' }).selectOption('Read a chat');
  await expect(entry).toContainText('Read a chat');
  await entry.getByText('Details').click();
  await expect(entry.getByText('Request 4711 of alice')).toBeVisible();
  await chat.expectAccessible();
});

test('an administrator gives a user groups by keyboard, and finds the user by them', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write('unused'), SETTINGS, USERS);
  const { page } = chat;
  // Nothing but the sign-in can be loaded before.
  chat.expectsErrors = true;
  await page.goto(`${server.url}/admin`);
  await signIn(page, 'ada');
  await page.getByRole('button', { name: 'alice' }).press('Enter');
  const panel = page.getByRole('dialog', { name: 'alice' });
  const field = panel.getByRole('combobox', { name: 'Add to group' });
  for (const group of ['research', 'law']) {
    await field.fill(group);
    await field.press('Enter');
    await expect(panel.getByRole('listitem').filter({ hasText: group })).toContainText('by hand');
    await expect(field).toHaveValue('');
    await expect(field).toBeFocused();
  }
  await chat.expectAccessible();
  await panel.getByRole('button', { name: 'Remove: law' }).press('Enter');
  await expect(panel.getByRole('button', { name: 'Remove: law' })).toHaveCount(0);
  await expect(panel.getByRole('heading', { name: 'Groups' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(panel).toHaveCount(0);

  const filter = page.getByRole('combobox', { name: 'Group' });
  await filter.focus();
  await expect(page.locator('#group-filter-suggestions option')).toHaveCount(1);
  await filter.fill('research');
  await filter.press('Enter');
  await expect(page.getByRole('rowheader')).toHaveText(['alice']);
  await chat.expectAccessible();
  await filter.fill('law');
  await filter.press('Enter');
  await expect(page.getByText('No users match.')).toBeVisible();

  await page.getByRole('link', { name: 'Audit log' }).click();
  await page.getByRole('combobox', { name: 'Action' }).selectOption('Changed groups');
  await expect(page.getByRole('row')).toHaveCount(4);
});

test('an administrator adds a user, whose password is shown once', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write('unused'), SETTINGS, USERS);
  const { page } = chat;
  chat.expectsErrors = true;
  await page.goto(`${server.url}/admin`);
  await signIn(page, 'ada');
  await page.getByRole('button', { name: 'Add user' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add user' });
  await expect(dialog.getByRole('textbox', { name: 'Name' })).toBeFocused();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('alice');
  await dialog.getByRole('button', { name: 'Add user' }).click();
  await expect(dialog.getByRole('alert')).toHaveText('There is already an account with this name.');
  await chat.expectAccessible();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('carol');
  await dialog.getByRole('button', { name: 'Add user' }).click();

  await expect(dialog.getByText(/^([a-z2-9]{4}-){4}[a-z2-9]{4}$/)).toBeVisible();
  await chat.expectAccessible();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByRole('rowheader', { name: 'carol' })).toBeVisible();
});

test('an auditor sees everything and can change nothing, and others see nothing', async ({ scripted, chat, browser }) => {
  const server = await scripted(async (_question, write) => write('unused'), SETTINGS, USERS);
  const { page } = chat;
  chat.expectsErrors = true;
  await page.goto(`${server.url}/admin`);
  await signIn(page, 'otto');
  await expect(page.getByText('As an auditor, you can see everything')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Add user' })).toHaveCount(0);
  await page.getByRole('button', { name: 'otto' }).click();
  const panel = page.getByRole('dialog', { name: 'otto' });
  await expect(panel.getByRole('listitem')).toHaveCount(1);
  await expect(panel.getByRole('button')).toHaveText(['', 'Show chats']);
  await expect(panel.getByRole('combobox')).toHaveCount(0);
  await chat.expectAccessible();

  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Settings' }).click();
  const setting = (name: string) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });
  await expect(setting('AUTH')).toContainText('required');
  await expect(setting('AUTH')).toContainText('Environment');
  await expect(setting('SIGN_UP')).toHaveCount(0);
  await chat.expectAccessible();
  await page.getByRole('checkbox', { name: 'default values' }).check();
  await expect(setting('SIGN_UP')).toContainText('Off');
  await chat.expectAccessible();

  const alice = await Chat.in(await browser.newContext());
  await alice.page.goto(`${server.url}/admin`);
  await signIn(alice.page, 'alice');
  await expect(alice.page.getByRole('heading', { name: 'Administrators only' })).toBeVisible();
  await alice.expectAccessible();
});

test('an administrator deletes a user, by keyboard', async ({ scripted, chat, browser }) => {
  const server = await scripted(async (_question, write) => write('unused'), SETTINGS, USERS);
  const { page } = chat;
  chat.expectsErrors = true;
  const alice = await Chat.in(await browser.newContext());
  alice.expectsErrors = true;
  await alice.page.goto(server.url);
  await signIn(alice.page, 'alice');
  await expect(alice.field).toBeVisible();
  await page.goto(`${server.url}/admin`);
  await signIn(page, 'ada');
  await page.getByRole('button', { name: 'alice' }).click();
  const panel = page.getByRole('dialog', { name: 'alice' });
  await panel.getByRole('button', { name: 'Delete account…' }).press('Enter');
  await expect(panel.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await chat.expectAccessible();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');

  await expect(panel).toHaveCount(0);
  await expect(alice.page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await expect(async () => {
    await page.reload();
    await expect(page.getByRole('rowheader')).toHaveText(['ada', 'bob', 'otto'], { timeout: 1_000 });
  }).toPass({ timeout: 30_000 });
  await page.getByRole('link', { name: 'Audit log' }).click();
  await page.getByRole('combobox', { name: 'Action' }).selectOption('Deleted the account');
  await expect(page.getByRole('row').nth(1)).toContainText('alice');
});
