import type { Locator } from '@playwright/test';

import type { Chat } from '../../support/chat.ts';
import { expect, test } from '../../support/fixtures.ts';

const echo = async (question: string, write: (text: string) => void) => write(`About ${question}`);

/** The context of a long conversation, which would take too long to create in a test. */
const LONG_CONTEXT = {
  system_prompt: null,
  parameters: {},
  few_shot_examples: [],
  summary: {
    text: 'The tides were discussed.',
    token_count: 310,
    through: 40,
    message_count: 38,
    created_at: '2026-01-02T03:04:05.678Z',
    author: 'model',
  },
  ledger: {
    window: 16000,
    reserved: 800,
    system: 611,
    few_shot: 407,
    summary: 1310,
    summary_through: 40,
    history: 4120,
    total: 7248,
    left_out_messages: 3,
  },
};

async function openPanel(chat: Chat): Promise<Locator> {
  await chat.page.getByRole('button', { name: /tokens: chat settings/ }).click();
  const panel = chat.page.getByRole('dialog', { name: 'Chat settings' });
  await expect(panel.getByRole('heading', { name: 'System prompt' })).toBeVisible();
  return panel;
}

test('the token meter opens the context panel, where prompt, parameters and examples can be changed', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const panel = await openPanel(chat);
  await expect(panel).toContainText(/\d+ of 16,000 tokens will be sent/);
  await chat.expectAccessible();

  const prompt = panel.getByRole('textbox', { name: 'System prompt' });
  await prompt.fill('Answer in one word.');
  await prompt.press('Control+Enter');
  await expect(panel).toContainText(/Applies to this conversation only; \d+ tokens\./);
  await panel.getByLabel('Temperature').fill('0.5');
  await panel.locator('webchat-context-parameters').getByRole('button', { name: 'Save' }).click();
  await expect(panel.locator('webchat-context-parameters').getByRole('button', { name: 'Save' })).toBeDisabled();
  await panel.getByRole('button', { name: 'Add an example' }).click();
  await panel.getByLabel('Question').fill('1 + 1?');
  await panel.getByLabel('Answer').fill('2.');
  await panel.getByRole('button', { name: 'Add', exact: true }).click();
  await expect(panel.getByRole('listitem')).toContainText(['1 + 1?']);
  await chat.expectAccessible();
  await chat.page.keyboard.press('Escape');
  await expect(chat.page.getByRole('button', { name: /tokens: chat settings/ })).toBeFocused();
  await chat.page.reload();
  await openPanel(chat);

  await expect(prompt).toHaveValue('Answer in one word.');
  await expect(panel.getByLabel('Temperature')).toHaveValue('0.5');
  await panel.getByRole('button', { name: 'Remove example 1' }).click();
  await expect(panel.getByRole('listitem')).toHaveCount(0);
  await expect(panel.getByRole('button', { name: 'Add an example' })).toBeFocused();
  await panel.getByRole('button', { name: 'Use the default' }).click();
  await expect(prompt).toHaveValue('');
});

test('a rejected system prompt stays in its field, with an error', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const panel = await openPanel(chat);
  const prompt = panel.getByRole('textbox', { name: 'System prompt' });
  chat.expectsErrors = true;

  await prompt.fill('word '.repeat(12_000));
  await panel.getByRole('button', { name: 'Save' }).first().click();

  await expect(panel.getByRole('alert')).toContainText('Please shorten it.');
  await expect(prompt).toHaveValue(/^word word/);
  await chat.expectAccessible();
});

test('a conflicting change stays in its field and can be saved again', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const panel = await openPanel(chat);
  chat.expectsErrors = true;
  let conflicts = 1;
  await chat.page.route('**/context', async (route) => {
    const isConflict = route.request().method() === 'PATCH' && conflicts > 0;
    if (!isConflict) return route.continue();
    conflicts -= 1;
    const json = { message: 'The context has changed.', code: 'stale' };
    return route.fulfill({ status: 412, json });
  });
  const prompt = panel.getByRole('textbox', { name: 'System prompt' });

  await prompt.fill('Mine.');
  await panel.getByRole('button', { name: 'Save' }).first().click();
  await expect(panel.getByRole('alert')).toContainText('changed in another tab');
  await expect(prompt).toHaveValue('Mine.');
  await panel.getByRole('button', { name: 'Save' }).first().click();

  await expect(panel.getByRole('alert')).toHaveCount(0);
  await expect(panel).toContainText('Applies to this conversation only');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`a summary can be read, changed and removed: ${colorScheme}`, async ({ scripted, chat }) => {
    const server = await scripted(echo);
    await chat.page.emulateMedia({ colorScheme });
    await chat.open(server);
    await chat.ask('tides');
    const context = structuredClone(LONG_CONTEXT) as Omit<typeof LONG_CONTEXT, 'summary'> & {
      summary: (typeof LONG_CONTEXT)['summary'] | null;
    };
    await chat.page.route('**/context', (route) => route.fulfill({ json: context }));
    await chat.page.route('**/context/summary', (route) => {
      if (route.request().method() === 'DELETE') context.summary = null;
      else if (context.summary) {
        context.summary = { ...context.summary, ...route.request().postDataJSON(), author: 'user' };
      }
      return route.fulfill({ json: context });
    });
    const panel = await openPanel(chat);
    await expect(panel).toContainText('instead of the 38 oldest messages');
    await expect(panel).toContainText('3 older messages do not fit');
    await chat.expectAccessible();
    for (const [width, height] of [
      [320, 640],
      [720, 450],
    ] as const) {
      await chat.page.setViewportSize({ width, height });
      await chat.expectAccessible();
      await chat.expectAllControlsReachable();
      await chat.expectNoHorizontalOverflow();
    }

    const summary = panel.getByRole('textbox', { name: 'Summary' });
    await summary.fill('The moon was discussed.');
    await panel.getByRole('button', { name: 'Save' }).first().click();
    await expect(panel).toContainText('Written by you');
    await panel.getByRole('button', { name: 'Remove', exact: true }).click();

    await expect(panel).toContainText('No summary yet');
  });
}

test('a new chat can get a system prompt before its first question', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);

  await chat.page.getByRole('button', { name: 'Chat settings', exact: true }).click();
  const panel = chat.page.getByRole('dialog');
  await panel.getByRole('textbox', { name: 'System prompt' }).fill('Be brief.');
  await panel.getByRole('button', { name: 'Save' }).first().click();
  await expect(panel).toContainText('Applies to this conversation only');
  await panel.getByRole('button', { name: 'Close' }).click();
  await chat.ask('tides');

  await expect(chat.answers).toHaveText([/About tides/]);
});
