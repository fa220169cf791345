import type { Page } from '@playwright/test';

import { expect, test } from '../../support/fixtures.ts';
import { echo } from '../../support/scripted-model.ts';

const REJECTION = { code: 'rate_limited', message: 'Too many requests. Please wait a moment.', request_id: 'r' };

/** Rejects this number of events with this name, as a rate limit does. */
async function limitRate(page: Page, name: string, count: number, waitMs: number): Promise<void> {
  let rejected = 0;
  await page.routeWebSocket('**/ws', (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((frame) => {
      const { event, data } = JSON.parse(String(frame));
      if (event !== name || rejected >= count) return server.send(frame);
      rejected += 1;
      const { conversation_id, client_message_id } = data;
      const context = { event, conversation_id, client_message_id, retry_after_ms: waitMs };
      socket.send(JSON.stringify({ event: 'error', data: { ...REJECTION, ...context } }));
    });
  });
}

/** Rejects the first request with this method and path. */
async function limitFirstRequest(page: Page, method: string, path: string): Promise<void> {
  let rejected = false;
  await page.route(path, (route) => {
    if (rejected || route.request().method() !== method) return route.continue();
    rejected = true;
    return route.fulfill({ status: 429, headers: { 'Retry-After': '6' }, json: REJECTION });
  });
}

test('a message that comes too early is sent again by itself, after a countdown', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await limitRate(chat.page, 'send_message', 1, 4000);
  await chat.open(server);
  await chat.send('tides');

  const question = chat.questions.first();
  await expect(question).toContainText('Too many requests.');
  await expect(question).toContainText('Sending again in 4 s.');
  await expect(question).toContainText('Sending again in 2 s.');
  await chat.expectAccessible();

  await expect(chat.answers).toHaveText([/About tides/]);
  await expect(chat.questions).toHaveText(['tides']);
});

test('the countdown can be cancelled, and the text is kept', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await limitRate(chat.page, 'send_message', 1, 3000);
  await chat.open(server);
  await chat.send('tides');

  await chat.questions.first().getByRole('button', { name: 'Cancel' }).press('Enter');
  await chat.page.waitForTimeout(4000);

  await expect(chat.answers).toHaveCount(0);
  await chat.questions.first().getByRole('button', { name: 'Send again' }).click();
  await expect(chat.answers).toHaveText([/About tides/]);
});

test('an answer that is regenerated too early is regenerated after a countdown', async ({ scripted, chat }) => {
  let count = 0;
  const server = await scripted(async (_question, write) => write(`Answer ${(count += 1)}`));
  await limitRate(chat.page, 'regenerate', 1, 3000);
  await chat.open(server);
  await chat.ask('tides');

  await chat.page.getByRole('button', { name: 'Regenerate' }).click();
  await expect(chat.page.getByText('Trying again in 3 s.')).toBeVisible();
  await expect(chat.page.getByRole('button', { name: 'Cancel' })).toBeVisible();

  await expect(chat.answers).toHaveText([/Answer 2/]);
  await expect(chat.page.getByText('Too many requests.')).toHaveCount(0);
});

test('a conversation that is opened too early is opened after a countdown', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  chat.expectsErrors = true;
  await limitFirstRequest(chat.page, 'GET', '**/messages');

  await chat.page.reload();
  await expect(chat.page.getByText(/Trying again in \d s\./)).toBeVisible();
  await chat.expectAccessible();

  await expect(chat.answers).toHaveText([/About tides/]);
});

test('a new chat that is started too early is started after a countdown', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  chat.expectsErrors = true;
  await limitFirstRequest(chat.page, 'POST', '**/api/v1/conversations');
  await chat.open(server);

  await chat.page.getByRole('button', { name: /^Learn/ }).dblclick();
  await expect(chat.page.getByText(/Trying again in \d s\./)).toBeVisible();

  await expect(chat.answers).toHaveText([/About Explain how tides work/]);
  await expect(chat.questions).toHaveCount(1);
});

test('an edit that comes too early is sent again, unless the user keeps writing', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await limitRate(chat.page, 'edit_message', 2, 3000);
  await chat.open(server);
  await chat.ask('tides');
  await chat.page.getByRole('button', { name: 'Edit question' }).press('Enter');
  const field = chat.page.getByRole('textbox', { name: 'Question' });

  await field.fill('moons');
  await field.press('Enter');
  await expect(chat.page.getByText('Sending again in 3 s.')).toBeVisible();
  await field.pressSequentially(' and stars');
  await expect(chat.page.getByText(/Sending again/)).toHaveCount(0);
  await chat.page.waitForTimeout(3500);
  await expect(field).toHaveValue('moons and stars');
  await field.press('Enter');
  await expect(chat.page.getByText('Sending again in 3 s.')).toBeVisible();

  await expect(chat.questions).toHaveText([/moons and stars/]);
  await expect(chat.answers).toHaveText([/About moons and stars/]);
});
