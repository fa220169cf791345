import type { Browser, Page } from '@playwright/test';

import { Chat } from '../../support/chat.ts';
import { expect, test } from '../../support/fixtures.ts';
import { freePort, IdentityProvider } from '../../support/identity-provider.ts';
import { ScriptedModel } from '../../support/scripted-model.ts';
import { Server, sharedStores } from '../../support/server.ts';

const PASSWORD = 'three tides a day';

async function device(browser: Browser): Promise<Chat> {
  const chat = await Chat.in(await browser.newContext());
  // Nothing but the sign-in can be loaded before.
  chat.expectsErrors = true;
  // The provider's pages load fonts from there.
  await chat.page.context().route('https://fonts.googleapis.com/**', (route) => route.fulfill({ body: '' }));
  return chat;
}

async function signIn(page: Page, name: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Name' }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

async function freeOrigin(): Promise<[port: string, origin: string]> {
  const port = String(await freePort());
  return [port, `http://127.0.0.1:${port}`];
}

test('two users on two devices each, on two instances, and one of them is disabled in the middle of an answer', async ({ browser }) => {
  const releases: (() => void)[] = [];
  const model = await ScriptedModel.start(async (question, write) => {
    write(`High water, ${question}`);
    if (!question.includes('in full')) return;
    await new Promise<void>((resolve) => releases.push(resolve));
    write(' The end.');
  });
  const provider = await IdentityProvider.start();
  const settings = { ...provider.settings, ...sharedStores(), AUTH: 'required' };
  const users = { ada: { password: PASSWORD, role: 'admin' }, bob: PASSWORD, robot: PASSWORD } as const;
  const first = await Server.start(model.upstream, settings, users);
  // The public address of both is that of the first, so the second one must accept its own.
  const [port, origin] = await freeOrigin();
  const second = await Server.start(model.upstream, { ...settings, PORT: port, ALLOWED_ORIGINS: origin });
  try {
    const [ada, bobsLaptop, bobsPhone] = [await device(browser), await device(browser), await device(browser)];
    for (const [chat, url, name] of [[ada, first.url, 'ada'], [bobsLaptop, first.url, 'bob'], [bobsPhone, origin, 'bob']] as const) {
      await chat.page.goto(url);
      await signIn(chat.page, name);
      await expect(chat.field).toBeVisible();
    }
    const [alicesLaptop, alicesPhone] = [await device(browser), await device(browser)];
    for (const chat of [alicesLaptop, alicesPhone]) {
      await chat.page.goto(first.url);
      await chat.page.getByRole('button', { name: 'Continue with Example' }).click();
      await provider.signIn(chat.page, 'alice');
      await expect(chat.field).toBeVisible();
    }
    // Both instances have the same host, and so the same cookies.
    await alicesPhone.page.goto(origin);
    await expect(alicesPhone.field).toBeVisible();

    // Each device shows the chats of its user only, as they happen.
    for (const [name, laptop, phone] of [['Bob', bobsLaptop, bobsPhone], ['Alice', alicesLaptop, alicesPhone]] as const) {
      await laptop.ask(`asks ${name}`);
      await phone.list.getByRole('link', { name: `asks ${name}` }).click();
      await expect(phone.answers).toHaveText(/High water/);
      await phone.send(`in full, asks ${name}`);
      await expect(laptop.answers.last()).toContainText(`High water, in full, asks ${name}`);
      await expect(laptop.list.getByRole('link')).toHaveCount(1);
    }

    // A program streams its answer from the other instance.
    const key = await second.run(['key', 'add', 'robot', '--name', 'tides', '--scopes', 'chat']);
    const headers = { Authorization: `Bearer ${key.trim()}`, 'Content-Type': 'application/json' };
    const api = new URL('/api/v1/conversations', origin).href;
    const { conversation_id: id } = (await (await fetch(api, { method: 'POST', headers })).json()) as { conversation_id: string };
    const answer = await fetch(`${api}/${id}/messages`, {
      method: 'POST',
      headers: { ...headers, Accept: 'text/event-stream' },
      body: JSON.stringify({ message: 'asks a program' }),
    });
    const events = await answer.text();
    expect(events).toContain('event: response_chunk');
    expect(events).toContain('event: response_end');

    await ada.page.goto(new URL('/admin', first.url).href);
    await ada.page.getByRole('button', { name: 'alice', exact: true }).click();
    const panel = ada.page.getByRole('dialog', { name: 'alice' });
    await panel.getByRole('button', { name: 'Disable account' }).click();
    for (const { page } of [alicesLaptop, alicesPhone]) {
      await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
    }
    await expect(alicesPhone.page.getByText('High water')).toHaveCount(0);

    // Nobody else is disturbed.
    for (const release of releases) release();
    for (const { answers } of [bobsLaptop, bobsPhone]) await expect(answers.last()).toContainText('The end.');
    await alicesLaptop.page.getByRole('button', { name: 'Continue with Example' }).click();
    await expect(alicesLaptop.page.getByRole('alert')).toContainText('disabled');
    for (const chat of [ada, bobsLaptop, bobsPhone, alicesLaptop, alicesPhone]) expect(chat.errors).toEqual([]);
  } finally {
    await Promise.all([first.stop(), second.stop()]);
    provider.stop();
    model.stop();
  }
});
