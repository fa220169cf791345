import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Chat } from '../../support/chat.ts';
import { expect, test as base } from '../../support/fixtures.ts';
import { ScriptedModel } from '../../support/scripted-model.ts';
import { Server } from '../../support/server.ts';

interface Models {
  server: Server;
  /** Replaces the models, by their ids. */
  replace: (...ids: string[]) => Promise<void>;
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
    const unset = { AZURE_API_URL: '', MODEL: '', MAX_TOKENS: '', REPLY_TOKENS: '' };
    const server = await Server.start({ url: '', name: '', maxTokens: '' }, { ...unset, CONFIG_FILE: file });
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
