import { request, type Page } from '@playwright/test';

import { Chat } from '../../support/chat.ts';
import { expect, test } from '../../support/fixtures.ts';

const PASSWORD = 'three tides a day';
const USERS = { alice: PASSWORD, bob: PASSWORD };

async function signIn(page: Page, name: string, password = PASSWORD): Promise<void> {
  await page.getByRole('textbox', { name: 'Name' }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

async function expectForPasswordManagers(page: Page): Promise<void> {
  await expect(page.getByRole('textbox', { name: 'Name' })).toHaveAttribute('autocomplete', 'username');
  const password = page.getByLabel('Password', { exact: true });
  await expect(password).toHaveAttribute('type', 'password');
  await expect(password).toHaveAttribute('autocomplete', 'current-password');
  const canPaste = await password.evaluate((field) => field.dispatchEvent(new Event('paste', { cancelable: true, bubbles: true })));
  expect(canPaste).toBe(true);
}

async function chooseInMenu(page: Page, name: string): Promise<void> {
  await page.getByRole('banner').getByRole('button', { name: 'Menu', exact: true }).click();
  await page.getByRole('menuitem', { name }).click();
}

test('a user signs in on two devices and has the same chats', async ({ scripted, chat, browser }) => {
  const server = await scripted(async (_question, write) => write('High water.'), { AUTH: 'required' }, USERS);
  // Nothing but the sign-in can be loaded before.
  chat.expectsErrors = true;
  await chat.page.goto(server.url);
  await expect(chat.page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await expect(chat.field).toHaveCount(0);
  await chat.expectAccessible();
  await expectForPasswordManagers(chat.page);

  await signIn(chat.page, 'alice', 'not the password');
  await expect(chat.page.getByRole('alert')).toHaveText('The name or the password is wrong.');
  await signIn(chat.page, 'alice');
  await chat.ask('Why tides?');
  await expect(chat.answers).toContainText('High water.');

  const phone = await Chat.in(await browser.newContext());
  await phone.page.goto(server.url);
  await signIn(phone.page, 'Alice');
  await expect(phone.list.getByRole('link', { name: 'Why tides?' })).toBeVisible();
  const other = await Chat.in(await browser.newContext());
  await other.page.goto(server.url);
  await signIn(other.page, 'bob');
  await expect(other.field).toBeVisible();
  await expect(other.list.getByRole('link')).toHaveCount(0);

  await chooseInMenu(chat.page, 'Account: alice');
  const dialog = chat.page.getByRole('dialog', { name: 'Account' });
  await expect(dialog.getByRole('listitem')).toHaveCount(2);
  await expect(dialog.getByRole('heading', { name: 'API keys' })).toBeVisible();
  await chat.expectAccessible();
  await phone.field.fill('A draft on the phone');
  await dialog.getByRole('button', { name: 'Sign out everywhere else' }).click();
  await expect(dialog.getByRole('listitem')).toHaveCount(1);
  await expect(phone.page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await signIn(phone.page, 'alice');
  await expect(phone.field).toHaveValue('A draft on the phone');
});

test('the chats of a browser come along at the first sign-in, and stay when somebody signs out', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(async (_question, write) => write('High water.'), { AUTH: 'optional' }, USERS);
  await chat.open(server);
  await chat.ask('Before the account');
  await expect(chat.answers).toContainText('High water.');
  await chooseInMenu(chat.page, 'Sign in…');
  await chat.page.getByRole('checkbox', { name: 'Keep the chats' }).check();
  await signIn(chat.page, 'alice');

  await expect(chat.list.getByRole('link', { name: 'Before the account' })).toBeVisible();
  await expect(chat.answers).toContainText('High water.');
  await chooseInMenu(chat.page, 'Sign out');
  await expect(chat.field).toBeVisible();
  await expect(chat.list.getByRole('link')).toHaveCount(0);
  await chat.page.goto(server.url);
  await chooseInMenu(chat.page, 'Sign in…');
  await expect(chat.page.getByRole('checkbox')).toHaveCount(0);
  await signIn(chat.page, 'alice');
  await expect(chat.list.getByRole('link', { name: 'Before the account' })).toBeVisible();
});

test('a user changes the password', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write('unused'), { AUTH: 'required' }, USERS);
  chat.expectsErrors = true;
  await chat.page.goto(server.url);
  await signIn(chat.page, 'alice');
  await chooseInMenu(chat.page, 'Account: alice');
  const dialog = chat.page.getByRole('dialog', { name: 'Account' });
  await dialog.getByLabel('Current password').fill(PASSWORD);
  await dialog.getByLabel('New password').fill('passwordpassword');
  await dialog.getByRole('button', { name: 'Change password' }).click();
  await expect(dialog.getByRole('alert').filter({ hasText: 'too easy to guess' })).toBeVisible();

  await dialog.getByLabel('New password').fill('four tides a week');
  await dialog.getByRole('button', { name: 'Change password' }).click();
  await expect(dialog).toHaveCount(0);
  await chooseInMenu(chat.page, 'Sign out');
  await signIn(chat.page, 'alice');
  await expect(chat.page.getByRole('alert')).toHaveText('The name or the password is wrong.');
  await signIn(chat.page, 'alice', 'four tides a week');
  await expect(chat.field).toBeVisible();
});

test('a program streams an answer with the key of a user, and the user sees it', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write('High water.'), { AUTH: 'required' }, USERS);
  chat.expectsErrors = true;
  await chat.page.goto(server.url);
  await signIn(chat.page, 'alice');
  await chooseInMenu(chat.page, 'Account: alice');
  const dialog = chat.page.getByRole('dialog', { name: 'Account' });
  await dialog.getByLabel('Name of a new key').fill('nightly report');
  await dialog.getByLabel('Your password').fill(PASSWORD);
  await dialog.getByRole('button', { name: 'Add key' }).click();
  const secret = await dialog.getByText(/^wc_[0-9a-f]{72}$/).innerText();
  await expect(dialog.getByRole('button', { name: 'Copy key' })).toBeFocused();
  await chat.expectAccessible();

  const headers = { Authorization: `Bearer ${secret}` };
  const program = await request.newContext({ baseURL: server.url, extraHTTPHeaders: headers });
  const started = await program.post('/api/v1/conversations');
  const { conversation_id: id } = await started.json();
  const answer = await program.post(`/api/v1/conversations/${id}/messages`, { data: { message: 'Why tides?' } });
  expect((await answer.json()).answer.content).toBe('High water.');
  await expect(chat.list.getByRole('link', { name: 'Why tides?' })).toBeAttached();

  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect(dialog.getByText(secret)).toHaveCount(0);
  const key = dialog.getByRole('listitem').filter({ hasText: 'nightly report' });
  await expect(key).toContainText('read, chat');
  await key.getByRole('button', { name: 'Revoke: nightly report' }).click();
  await key.getByRole('button', { name: 'Revoke', exact: true }).click();
  await expect(key).toHaveCount(0);
  expect((await program.get('/api/v1/conversations')).status()).toBe(401);
});

test('a visitor creates an account and keeps the chats', async ({ scripted, chat }) => {
  const settings = { AUTH: 'optional', SIGN_UP: 'on' };
  const server = await scripted(async (_question, write) => write('High water.'), settings, USERS);
  await chat.open(server);
  await chat.ask('Before the account');
  chat.expectsErrors = true;
  await chooseInMenu(chat.page, 'Sign in…');
  await chat.page.getByRole('button', { name: 'Create an account' }).click();
  await expect(chat.page.getByRole('heading', { name: 'Create an account' })).toBeVisible();
  await chat.expectAccessible();
  await chat.page.getByRole('textbox', { name: 'Name' }).fill('alice');
  await chat.page.getByLabel('Password', { exact: true }).fill('four tides a week');
  await chat.page.getByRole('checkbox', { name: 'Keep the chats' }).check();
  await chat.page.getByRole('button', { name: 'Create account' }).click();
  await expect(chat.page.getByRole('alert')).toHaveText('There is already an account with this name.');
  await chat.page.getByRole('textbox', { name: 'Name' }).fill('carol');
  await chat.page.getByRole('button', { name: 'Create account' }).click();

  await expect(chat.list.getByRole('link', { name: 'Before the account' })).toBeVisible();
  await chooseInMenu(chat.page, 'Account: carol');
});

test('a user deletes the account, by keyboard', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write('High water.'), { AUTH: 'required' }, USERS);
  const { page } = chat;
  chat.expectsErrors = true;
  await page.goto(server.url);
  await signIn(page, 'alice');
  await chat.ask('Why tides?');
  await expect(chat.answers).toContainText('High water.');
  await chooseInMenu(page, 'Account: alice');
  await page.getByRole('button', { name: 'Delete account…' }).press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Delete account' });
  await expect(dialog.getByLabel('Your password, to confirm')).toBeFocused();
  await expect(dialog.getByRole('link', { name: 'Export everything first' })).toBeVisible();
  await chat.expectAccessible();

  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog', { name: 'Account', exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Delete account…' }).press('Enter');
  await page.keyboard.type('not the password');
  await page.keyboard.press('Enter');
  await expect(dialog.getByRole('alert')).toHaveText('The name or the password is wrong.');
  await dialog.getByLabel('Your password, to confirm').fill(PASSWORD);
  await page.keyboard.press('Enter');

  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await signIn(page, 'alice');
  // The deletion takes some seconds.
  await expect(page.getByRole('alert')).toHaveText(/This account is disabled|The name or the password is wrong/);
});
