import type { Locator } from '@playwright/test';

import { expect, test } from '../../support/fixtures.ts';
import { echo } from '../../support/scripted-model.ts';
import { VIEWPORTS } from '../../support/viewports.ts';

/** The context of a long conversation, which would take too long to create in a test. */
const LONG_CONTEXT = {
  system_prompt: null,
  system_prompt_source: null,
  parameters: {},
  reply_tokens: null,
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

/** The form of the setting with this field. */
function formOf(panel: Locator, field: string): Locator {
  return panel.locator('form').filter({ has: panel.page().getByLabel(field, { exact: true }) });
}

test('instructions, answer length, creativity and examples are saved and sent to the model', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const panel = await chat.openSettings();
  await chat.expectAccessible();

  const instructions = panel.getByLabel('For this chat');
  await instructions.fill('Answer in one word.');
  await expect(formOf(panel, 'For this chat').getByRole('status')).toHaveText('Not saved yet');
  await instructions.press('Control+Enter');
  await expect(formOf(panel, 'For this chat').getByRole('status')).toHaveText('Saved');
  await expect(panel).toContainText(/Used in this chat only\. \d+ tokens\./);
  await panel.getByLabel('Tokens per answer').fill('50');
  await formOf(panel, 'Tokens per answer').getByRole('button', { name: 'Save' }).click();
  await expect(formOf(panel, 'Tokens per answer').getByRole('status')).toHaveText('Saved');
  await panel.getByLabel('Temperature').fill('0,5');
  await formOf(panel, 'Temperature').getByRole('button', { name: 'Save' }).click();
  await expect(formOf(panel, 'Temperature').getByRole('status')).toHaveText('Saved');
  await panel.getByRole('button', { name: 'Add an example' }).click();
  await panel.getByLabel('Question', { exact: true }).fill('1 + 1?');
  await panel.getByLabel('Answer', { exact: true }).fill('2.');
  await panel.getByRole('button', { name: 'Add', exact: true }).click();
  await expect(panel.getByRole('listitem')).toContainText(['1 + 1?']);
  await expect(panel.locator('.ledger .reserved')).toContainText('50');
  await chat.expectAccessible();
  await chat.page.keyboard.press('Escape');
  await expect(chat.settingsButton).toBeFocused();
  await chat.openSettings();
  await expect(formOf(panel, 'Temperature').getByRole('status')).toHaveText('');
  await chat.page.reload();
  await chat.openSettings();

  await expect(instructions).toHaveValue('Answer in one word.');
  await expect(panel.getByLabel('Tokens per answer')).toHaveValue('50');
  await expect(panel.getByLabel('Temperature')).toHaveValue('0.5');
  await panel.getByRole('button', { name: 'Remove example 1' }).click();
  await expect(panel.getByRole('listitem')).toHaveCount(0);
  await expect(panel.getByRole('button', { name: 'Add an example' })).toBeFocused();
  await panel.getByRole('button', { name: 'Reset to default' }).click();
  await expect(instructions).toHaveValue('');
});

test('the default instructions apply to all chats without their own', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const panel = await chat.openSettings();
  await expect(panel).toContainText('No instructions yet.');

  await panel.getByLabel('Default for all my chats').fill('Answer in French.');
  await formOf(panel, 'Default for all my chats').getByRole('button', { name: 'Save' }).click();
  await expect(panel).toContainText('Using your default below.');
  await chat.page.keyboard.press('Escape');
  const other = await chat.openTab(server);
  await other.ask('moons');
  await other.openSettings();

  await expect(other.settings).toContainText('Using your default below.');
  await expect(other.settings.getByLabel('Default for all my chats')).toHaveValue('Answer in French.');
});

test('unsaved edits survive closing, another chat and a reload, and are shown as unsaved', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const path = chat.path;
  const panel = await chat.openSettings();

  await panel.getByLabel('For this chat').fill('Half a thou');
  await panel.getByLabel('Temperature').fill('1.2');
  await panel.getByRole('button', { name: 'Add an example' }).click();
  await panel.getByLabel('Question', { exact: true }).fill('1 + 1?');
  await chat.page.keyboard.press('Escape');
  await chat.list.getByRole('button', { name: 'New chat' }).or(chat.page.getByRole('button', { name: 'New chat' })).first().click();
  await chat.ask('moons');
  await chat.openSettings();
  await expect(panel.getByLabel('For this chat')).toHaveValue('');
  await chat.page.keyboard.press('Escape');
  await chat.open(server, path);
  await chat.openSettings();

  await expect(panel.getByLabel('For this chat')).toHaveValue('Half a thou');
  await expect(formOf(panel, 'For this chat').getByRole('status')).toHaveText('Not saved yet');
  await expect(panel.getByLabel('Temperature')).toHaveValue('1.2');
  await expect(panel.getByLabel('Question', { exact: true })).toHaveValue('1 + 1?');
  await formOf(panel, 'For this chat').getByRole('button', { name: 'Cancel' }).click();
  await expect(panel.getByLabel('For this chat')).toHaveValue('');
});

test('a wrong value is named below its field, which keeps it', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const panel = await chat.openSettings();
  chat.expectsErrors = true;

  await panel.getByLabel('Tokens per answer').fill('900000');
  await panel.getByLabel('Tokens per answer').press('Enter');
  await expect(formOf(panel, 'Tokens per answer').getByRole('alert')).toContainText(
    'Enter a whole number from 1 to 800.',
  );
  await expect(panel.getByLabel('Tokens per answer')).toHaveAttribute('aria-invalid', 'true');
  await panel.getByLabel('Temperature').fill('hot');
  await panel.getByLabel('Temperature').press('Enter');
  await expect(formOf(panel, 'Temperature').getByRole('alert')).toContainText(
    'Enter a number from 0 to 2.',
  );
  await panel.getByLabel('For this chat').fill('word '.repeat(12_000));
  await formOf(panel, 'For this chat').getByRole('button', { name: 'Save' }).click();

  await expect(formOf(panel, 'For this chat').getByRole('alert')).toContainText('Please shorten it.');
  await expect(panel.getByLabel('For this chat')).toHaveValue(/^word word/);
  await expect(panel.getByLabel('Tokens per answer')).toHaveValue('900000');
  await chat.expectAccessible();
});

test('“Save” is shown beside the changed setting only, right after its field', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const panel = await chat.openSettings();
  const save = panel.getByRole('button', { name: /^Save/ });
  await expect(save).toHaveCount(0);

  await panel.getByLabel('For this chat').fill('Answer briefly.');
  await expect(save).toHaveAccessibleName('Save this chat’s instructions');
  await chat.page.keyboard.press('Tab');
  await expect(save).toBeFocused();
  await chat.page.keyboard.press('Enter');

  await expect(formOf(panel, 'For this chat').getByRole('status')).toHaveText('Saved');
  await expect(save).toHaveCount(1);
  await chat.expectAccessible();
});

test('a conflicting change stays in its field and can be saved again', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const panel = await chat.openSettings();
  chat.expectsErrors = true;
  let conflicts = 1;
  await chat.page.route('**/context', async (route) => {
    const isConflict = route.request().method() === 'PATCH' && conflicts > 0;
    if (!isConflict) return route.continue();
    conflicts -= 1;
    const json = { message: 'The context has changed.', code: 'stale' };
    return route.fulfill({ status: 412, json });
  });
  const instructions = panel.getByLabel('For this chat');
  const form = formOf(panel, 'For this chat');

  await instructions.fill('Mine.');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form.getByRole('alert')).toContainText('changed in another tab');
  await expect(instructions).toHaveValue('Mine.');
  await form.getByRole('button', { name: 'Save' }).click();

  await expect(form.getByRole('alert')).toHaveCount(0);
  await expect(panel).toContainText('Used in this chat only');
});

test('the meter of the message box opens the context, and shows the same numbers', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const meter = chat.page.getByRole('button', { name: /^Context: [\d,]+ of 16,000 tokens used$/ });
  const numbers = ((await meter.getAttribute('aria-label')) ?? '').replace('Context: ', '');

  await meter.click();
  const panel = chat.settings;

  await expect(panel.getByRole('heading', { name: 'Context' })).toBeFocused();
  await expect(panel.getByRole('heading', { name: 'Context' })).toBeInViewport();
  await expect(panel).toContainText(numbers);
  const rows = await panel.locator('.ledger > .used, .ledger > .reserved, .ledger > .free').allInnerTexts();
  const sum = rows.map((row) => Number(row.replace(/\D/g, ''))).reduce((left, right) => left + right);
  expect(sum).toBe(16_000);
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
    const panel = await chat.openSettings();
    await expect(panel).toContainText('Replaces the 38 oldest messages');
    await expect(panel).toContainText('3 older messages don’t fit');
    await chat.expectAccessible();
    for (const size of VIEWPORTS) {
      await chat.page.setViewportSize(size);
      await chat.expectAccessible();
      await chat.expectAllControlsReachable();
      await chat.expectNoHorizontalOverflow();
    }

    const summary = panel.getByLabel('Summary', { exact: true });
    await summary.fill('The moon was discussed.');
    await formOf(panel, 'Summary').getByRole('button', { name: 'Save' }).click();
    await expect(panel).toContainText('Written by you');
    await formOf(panel, 'Summary').getByRole('button', { name: 'Remove' }).click();

    await expect(panel).toContainText('No summary yet');
  });
}

test('a new chat can get instructions before its first question', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);

  const panel = await chat.openSettings();
  await panel.getByLabel('For this chat').fill('Be brief.');
  await formOf(panel, 'For this chat').getByRole('button', { name: 'Save' }).click();
  await expect(panel).toContainText('Used in this chat only');
  await panel.getByRole('button', { name: 'Close' }).click();
  await chat.ask('tides');

  await expect(chat.answers).toHaveText([/About tides/]);
});

test('an answer that the maximum length of the chat cut off says so, and leads to the setting', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const panel = await chat.openSettings();
  await panel.getByLabel('Tokens per answer').fill('50');
  await formOf(panel, 'Tokens per answer').getByRole('button', { name: 'Save' }).click();
  await expect(formOf(panel, 'Tokens per answer').getByRole('status')).toHaveText('Saved');
  await chat.page.route('**/messages', async (route) => {
    const response = await route.fetch();
    const page = (await response.json()) as { messages: object[] };
    Object.assign(page.messages.at(-1) ?? {}, { status: 'truncated', token_count: 50 });
    await route.fulfill({ response, json: page });
  });

  await chat.page.reload();
  await expect(chat.answers.last()).toContainText('reached the maximum length set for this chat.');
  await expect(chat.answers.last().getByRole('button', { name: 'Continue' })).toBeVisible();
  await chat.expectAccessible();
  await chat.answers.last().getByRole('button', { name: 'Change the maximum length' }).click();

  await expect(panel.getByRole('heading', { name: 'Maximum answer length' })).toBeFocused();
});
