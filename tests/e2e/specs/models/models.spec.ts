import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Chat } from '../../support/chat.ts';
import { expect, test as base } from '../../support/fixtures.ts';
import { freePort } from '../../support/identity-provider.ts';
import { ScriptedModel } from '../../support/scripted-model.ts';
import { Server, type Settings, type Users } from '../../support/server.ts';

const PASSWORD = 'three tides a day';

interface Models {
  server: Server;
  /** Replaces the models, by their ids. */
  replace: (...ids: string[]) => Promise<void>;
}

/** Starts a server with the models of this configuration file. */
async function start(file: string, settings: Settings = {}, users: Users = {}): Promise<Server> {
  const unset = { AZURE_API_URL: '', MODEL: '', MAX_TOKENS: '', REPLY_TOKENS: '' };
  const upstream = { url: '', name: '', maxTokens: '' };
  return Server.start(upstream, { ...unset, ...settings, CONFIG_FILE: file }, users);
}

/** A server with the models `quick` and `thorough`, which say who they are. */
const test = base.extend<{ models: Models }>({
  models: async ({}, use) => {
    const dir = await mkdtemp(join(tmpdir(), 'webchat-models-'));
    const file = join(dir, 'webchat.toml');
    const running = new Map<string, ScriptedModel>();
    for (const id of ['quick', 'thorough']) {
      running.set(id, await ScriptedModel.start(async (question, write) => write(`${id}: ${question}`)));
    }
    const replace = async (...ids: string[]) => {
      const entries = ids.map((id) => {
        const url = running.get(id)?.upstream.url;
        return `[[models]]\nid = '${id}'\nname = 'The ${id} one'\nwindow = 16000\n[[models.deployments]]\nurl = '${url}'\n`;
      });
      await writeFile(file, entries.join('\n'));
    };
    await replace('quick', 'thorough');
    const server = await start(file);
    await use({ server, replace });
    await server.stop();
    for (const model of running.values()) model.stop();
    await rm(dir, { recursive: true });
  },
});

test('a chat changes its model, on all devices, and each answer says by which it is', async ({ chat, models }) => {
  await chat.page.goto(models.server.url);
  const picker = chat.page.getByRole('combobox', { name: 'Model' });
  await expect(picker).toHaveValue('quick');
  await chat.ask('Why two tides?');
  const other = await Chat.in(chat.page.context());
  await other.page.goto(chat.page.url());
  const othersPicker = other.page.getByRole('combobox', { name: 'Model' });
  await expect(othersPicker).toHaveValue('quick');

  await picker.focus();
  await chat.page.keyboard.press('ArrowDown');
  await expect(picker).toHaveValue('thorough');
  await expect(othersPicker).toHaveValue('thorough');
  await other.ask('And the moon?');

  await expect(chat.answers).toHaveText([/quick: Why two/, /thorough: And the moon/]);
  const details = chat.page.locator('.message-details');
  await expect(details.nth(1)).toContainText('The quick one');
  await expect(details.nth(3)).toContainText('The thorough one');
  await chat.page.getByRole('button', { name: 'Regenerate with another model' }).last().click();
  await chat.page.getByRole('menuitem', { name: 'The quick one' }).click();
  await expect(chat.answers.last()).toHaveText(/quick: And the moon/);
  await expect(details.nth(3)).toContainText('The quick one');
  // The choice of the chat stays.
  await expect(picker).toHaveValue('thorough');
  await chat.page.reload();
  await expect(picker).toHaveValue('thorough');
  await expect(details.nth(3)).toContainText('The quick one');
  await chat.expectAccessible();
  expect(other.errors).toEqual([]);
});

test('new chats start with the last choice', async ({ chat, models }) => {
  await chat.page.goto(models.server.url);
  const picker = chat.page.getByRole('combobox', { name: 'Model' });
  await picker.selectOption('The thorough one');
  await chat.ask('Why two tides?');
  await expect(chat.answers).toHaveText(/thorough: Why two/);

  await chat.page.getByRole('button', { name: 'New chat' }).first().click();
  await chat.page.reload();

  await expect(picker).toHaveValue('thorough');
  await chat.ask('Why?');
  await expect(chat.answers).toHaveText(/thorough: Why/);
});

test('a chat whose model was withdrawn asks for another one and keeps the text', async ({ chat, models }) => {
  chat.expectsErrors = true;
  await chat.page.goto(models.server.url);
  const picker = chat.page.getByRole('combobox', { name: 'Model' });
  await picker.selectOption('The thorough one');
  await chat.ask('Why two tides?');
  await models.replace('quick');
  await models.server.terminate();
  await models.server.restart();
  await chat.page.reload();

  await expect(picker).toHaveValue('thorough');
  await expect(picker.locator('option').first()).toHaveText('thorough (not available)');
  await chat.send('And the moon?');
  await expect(chat.page.getByText('choose another model')).toBeVisible();
  await expect(chat.field).toHaveValue('And the moon?');
  await picker.selectOption('The quick one');
  await chat.field.press('Enter');

  await expect(chat.answers).toHaveText([/thorough: Why/, /quick: And the moon/]);
  // With nothing to choose, nothing is shown.
  await expect(picker).toHaveCount(0);
});

test('an administrator sees which deployment answers and which one fails', async ({ chat }) => {
  const dir = await mkdtemp(join(tmpdir(), 'webchat-deployments-'));
  const model = await ScriptedModel.start(async (_question, write) => write('High water.'));
  const file = join(dir, 'webchat.toml');
  const dead = `http://127.0.0.1:${await freePort()}/v1/chat/completions`;
  const deployments = [
    `[[models.deployments]]\nname = 'north'\nurl = '${dead}'\norder = 1\n`,
    `[[models.deployments]]\nname = 'south'\nurl = '${model.upstream.url}'\norder = 2\n`,
  ];
  await writeFile(file, `[[models]]\nid = 'tides'\nname = 'Tide tables'\nwindow = 16000\n${deployments.join('')}`);
  const server = await start(file, { AUTH: 'required' }, { ada: { password: PASSWORD, role: 'admin' } });
  try {
    const { page } = chat;
    // Nothing but the sign-in can be loaded before.
    chat.expectsErrors = true;
    await page.goto(server.url);
    await page.getByRole('textbox', { name: 'Name' }).fill('ada');
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await chat.ask('Why tides?');
    await expect(chat.answers).toContainText('High water.');

    await page.goto(`${server.url}/admin#models`);

    const table = page.getByRole('region', { name: 'Tide tables' });
    await expect(table.getByRole('row', { name: 'north' })).toContainText('Can’t be reached');
    await expect(table.getByRole('row', { name: 'south' })).toContainText('Working');
    await chat.expectAccessible();
  } finally {
    await server.stop();
    model.stop();
    await rm(dir, { recursive: true });
  }
});
