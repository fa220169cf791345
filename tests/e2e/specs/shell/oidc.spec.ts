import type { Page } from '@playwright/test';

import { expect, test } from '../../support/fixtures.ts';
import { IdentityProvider } from '../../support/identity-provider.ts';

const CONTINUE = { name: 'Continue with Example' };

async function chooseInMenu(page: Page, name: string): Promise<void> {
  await page.getByRole('banner').getByRole('button', { name: 'Menu', exact: true }).click();
  await page.getByRole('menuitem', { name }).click();
}

let provider: IdentityProvider;

test.beforeEach(async ({ context }) => {
  provider = await IdentityProvider.start();
  // The provider's pages load fonts from there.
  await context.route('https://fonts.googleapis.com/**', (route) => route.fulfill({ body: '' }));
});

test.afterEach(() => provider.stop());

test('a user signs in with a provider in two tabs, keeps a draft, and signs out there', async ({ scripted, chat }) => {
  const settings = { ...provider.settings, AUTH: 'required', PASSWORD_SIGN_IN: 'off' };
  const server = await scripted(async (_question, write) => write('High water.'), settings);
  chat.expectsErrors = true;
  await chat.page.goto(server.url);
  const second = await chat.page.context().newPage();
  await second.goto(server.url);
  await expect(chat.page.getByLabel('Password', { exact: true })).toHaveCount(0);
  await chat.expectAccessible();

  await chat.page.getByRole('button', CONTINUE).click();
  await second.getByRole('button', CONTINUE).click();
  await provider.signIn(chat.page, 'alice');
  await expect(chat.field).toBeVisible();
  await provider.signIn(second, 'alice');
  await expect(second.getByRole('textbox', { name: 'Message' })).toBeVisible();
  await chat.ask('Why tides?');
  await expect(chat.answers).toContainText('High water.');
  await chat.field.fill('A draft');

  // Signing out at the provider ends the session in all tabs at once.
  const there = await chat.page.context().newPage();
  await there.goto(`${provider.url}/session/end`);
  await there.locator('button[name="logout"]').first().click();
  await expect(chat.page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await chat.page.getByRole('button', CONTINUE).click();
  await provider.signIn(chat.page, 'alice');
  await expect(chat.answers).toContainText('High water.');
  await expect(chat.field).toHaveValue('A draft');
});

test('signing out here leads to the provider and back, and a failure is explained', async ({ scripted, chat }) => {
  const settings = { ...provider.settings, AUTH: 'required' };
  const server = await scripted(async (_question, write) => write('High water.'), settings);
  chat.expectsErrors = true;
  await chat.page.goto(server.url);
  await chat.page.getByRole('button', CONTINUE).click();
  await provider.signIn(chat.page, 'alice');
  await expect(chat.field).toBeVisible();

  await chooseInMenu(chat.page, 'Sign out');
  await chat.page.waitForURL(`${provider.url}/session/end**`);
  await chat.page.locator('button[name="logout"]').first().click();
  await expect(chat.page.getByRole('heading', { name: 'Sign in' })).toBeVisible();

  await chat.page.getByRole('button', CONTINUE).click();
  await chat.page.locator('input[name="login"]').waitFor();
  await chat.page.getByRole('link', { name: 'Cancel' }).click();
  await expect(chat.page.getByRole('alert')).toHaveText('The sign-in was cancelled or refused. Please try again.');
  await expect(chat.page).toHaveURL(server.url);
});
