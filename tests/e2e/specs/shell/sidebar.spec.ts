import { Chat } from '../../support/chat.ts';
import { expect, test } from '../../support/fixtures.ts';
import { echo } from '../../support/scripted-model.ts';

test('search finds words while the user types, and a result opens its message', async ({
  scripted,
  chat,
}) => {
  test.setTimeout(120_000);
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('where the albatross sleeps');
  for (let turn = 1; turn <= 30; turn += 1) await chat.ask(`filler ${turn}`);
  await chat.page.reload();
  await expect(chat.questions.last()).toHaveText('filler 30');
  const { keyboard } = chat.page;

  await keyboard.press('Control+k');
  await keyboard.type('albat');
  const results = chat.list.getByRole('link');
  // The title and two messages.
  await expect(results).toHaveCount(3);
  await expect(results.locator('mark')).toHaveText(['albatross', 'albatross', 'albatross']);
  await chat.expectAccessible();
  await keyboard.press('ArrowDown');
  await expect(results.first()).toBeFocused();
  await keyboard.press('ArrowDown');
  await keyboard.press('ArrowDown');
  await expect(results.last()).toBeFocused();
  const isQuestion = (await results.last().innerText()).includes('You');
  await keyboard.press('Enter');

  const message = (isQuestion ? chat.questions : chat.answers).first();
  await expect(message).toContainText('where the albatross sleeps');
  await expect(message).toBeInViewport();
  await expect(message).toBeFocused();
  await expect(chat.page).toHaveURL(/#m[12]$/);
});

test('search finds titles, and a result opens its conversation', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  await chat.choose('tides', 'Rename');
  await chat.page.getByRole('textbox', { name: 'Title' }).fill('上海的天气 notes');
  await chat.page.keyboard.press('Enter');
  await chat.page.keyboard.press('Control+Shift+O');

  await chat.page.getByRole('searchbox').fill('天气 no');
  const result = chat.list.getByRole('link');
  await expect(result.locator('mark')).toHaveText(['天气', 'notes']);
  await chat.expectAccessible();
  await result.click();

  await expect(chat.questions).toHaveText('tides');
});

test('the URL of a message opens it', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  for (const question of ['one', 'two', 'three']) await chat.ask(question);

  await chat.page.goto(`${chat.page.url()}#m3`);
  await chat.page.reload();

  await expect(chat.questions.nth(1)).toBeFocused();
});

test('a search without results shows a message, and Escape clears the search', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const field = chat.page.getByRole('searchbox');
  chat.expectsErrors = true;

  await field.fill('zebra');
  await expect(chat.list).toContainText('No results for “zebra”.');
  await expect(chat.list.getByText('-word', { exact: true })).toBeVisible();
  await field.fill('-tides');
  await expect(chat.list.getByRole('link')).toHaveCount(0);
  await chat.expectAccessible();
  await field.press('Escape');

  await expect(field).toHaveValue('');
  await expect(field).toBeFocused();
  await expect(chat.list.getByRole('link')).toHaveText(['tides']);
});

test('Undo restores a deleted conversation', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');

  await chat.choose('tides', 'Delete');
  await expect(chat.list.getByRole('link')).toHaveCount(0);
  await expect(chat.answers).toHaveCount(0);
  await chat.expectAccessible();
  await chat.page.getByRole('button', { name: 'Undo' }).click();

  await expect(chat.list.getByRole('link')).toHaveText(['tides']);
  await expect(chat.answers).toHaveText([/About tides/]);
  await chat.page.reload();
  await expect(chat.list.getByRole('link')).toHaveText(['tides']);
});

test('a deletion becomes final when its toast or the tab is closed', async ({
  scripted,
  chat,
  context,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  for (const question of ['tides', 'moons']) {
    await chat.page.keyboard.press('Control+Shift+O');
    await expect(chat.answers).toHaveCount(0);
    await chat.ask(question);
  }
  const url = chat.page.url();
  const listConversations = async () => (await context.request.get(`${server.url}/api/v1/conversations`)).json();

  await chat.choose('tides', 'Delete');
  await chat.page.getByRole('button', { name: 'Dismiss' }).click();
  await expect(async () => expect((await listConversations()).conversations).toHaveLength(1)).toPass();
  await chat.choose('moons', 'Delete');
  expect((await listConversations()).conversations).toHaveLength(1);
  await chat.page.close({ runBeforeUnload: true });

  await expect(async () => expect((await listConversations()).conversations).toHaveLength(0)).toPass();
  const tab = await Chat.in(context);
  await tab.page.goto(url);
  await expect(tab.page.getByRole('heading', { name: 'not found' })).toBeVisible();
});

test('conversations can be opened, renamed, deleted and restored by keyboard', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  const { keyboard } = chat.page;
  await chat.open(server);
  for (const question of ['one', 'two', 'three']) {
    await keyboard.press('Control+Shift+O');
    await expect(chat.answers).toHaveCount(0);
    await expect(chat.field).toBeFocused();
    await chat.ask(question);
  }
  const links = chat.list.getByRole('link');
  await expect(links).toHaveText(['three', 'two', 'one']);

  await keyboard.press('Alt+ArrowDown');
  await expect(chat.answers).toHaveText([/About two/]);
  await links.first().focus();
  await keyboard.press('ArrowDown');
  await keyboard.press('F2');
  await expect(chat.list.getByRole('textbox')).toBeFocused();
  await keyboard.type('second');
  await keyboard.press('Enter');
  await expect(links).toHaveText(['three', 'second', 'one']);
  await expect(links.nth(1)).toBeFocused();
  await keyboard.press('Delete');
  await expect(links).toHaveText(['three', 'one']);
  await expect(links.nth(1)).toBeFocused();
  await keyboard.press('Control+z');

  await expect(links).toHaveText(['three', 'second', 'one']);
  await expect(chat.answers).toHaveText([/About two/]);
});

test('a conversation is cleared after confirmation', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');

  await chat.choose('tides', 'Clear');
  const dialog = chat.page.getByRole('dialog', { name: 'Clear this chat?' });
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await chat.expectAccessible();
  await chat.page.keyboard.press('Escape');
  await expect(chat.list.getByRole('button', { name: 'Options for tides' })).toBeFocused();
  await expect(chat.answers).toHaveCount(1);
  await chat.choose('tides', 'Clear');
  await dialog.getByRole('button', { name: 'Clear' }).click();

  await expect(chat.answers).toHaveCount(0);
  await expect(chat.page.getByText('Chat cleared.')).toBeVisible();
});

test('a conversation is saved on the server and can be downloaded', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');

  await chat.choose('tides', 'Save a copy on the server');
  const download = chat.page.waitForEvent('download');
  await chat.page.getByRole('link', { name: 'Download' }).click();

  expect((await download).suggestedFilename()).toMatch(/_conversation_history\.json$/);
});

test('a conversation can be archived, found in the archive and unarchived', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');

  await chat.choose('tides', 'Archive');
  await expect(chat.list.getByRole('link')).toHaveCount(0);
  await chat.list.getByRole('button', { name: 'Archived' }).click();
  await expect(chat.list.getByRole('heading', { name: 'Archived' })).toBeVisible();
  await expect(chat.list.getByRole('link')).toHaveText(['tides']);
  await chat.expectAccessible();
  await chat.choose('tides', 'Unarchive');
  await expect(chat.list).toContainText('No archived chats.');
  await chat.list.getByRole('button', { name: 'Back to the chats' }).click();

  await expect(chat.list.getByRole('link')).toHaveText(['tides']);
  await expect(chat.list.getByRole('button', { name: 'Archived' })).toBeFocused();
});

test('an archived conversation is hidden from the list of every tab until it gets a message', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const tab = await chat.openTab(server, chat.path);
  await expect(tab.answers).toHaveCount(1);

  await chat.choose('tides', 'Archive');
  for (const { list } of [chat, tab]) await expect(list.getByRole('link')).toHaveCount(0);
  await tab.page.reload();
  await expect(tab.answers).toHaveCount(1);
  await expect(tab.list.getByRole('link')).toHaveCount(0);
  await tab.ask('moons');

  for (const { list } of [chat, tab]) await expect(list.getByRole('link')).toHaveText(['tides']);
});

test('changes to the list appear in both tabs', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  const tab = await chat.openTab(server);

  await chat.ask('tides');
  await expect(tab.list.getByRole('link')).toHaveText(['tides']);
  await tab.choose('tides', 'Rename');
  await tab.page.getByRole('textbox', { name: 'Title' }).fill('The sea');
  await tab.page.keyboard.press('Enter');
  await expect(chat.list.getByRole('link')).toHaveText(['The sea']);
  await chat.field.fill('What about the moon?');
  await tab.choose('The sea', 'Delete');
  await tab.page.getByRole('button', { name: 'Dismiss' }).click();

  await expect(chat.list.getByRole('link')).toHaveCount(0);
  await expect(chat.page.getByRole('heading', { name: 'not found' })).toBeVisible();
  await chat.page.getByRole('button', { name: 'Start a new chat' }).click();
  await expect(chat.field).toHaveValue('What about the moon?');
});

test('a conversation is exported by one user and imported by another', async ({
  scripted,
  chat,
  browser,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  const download = chat.page.waitForEvent('download');
  await chat.choose('tides', 'Export as JSON');
  expect((await download).suggestedFilename()).toMatch(/^tides \d{4}-\d\d-\d\d\.json$/);
  const file = await (await download).path();

  const other = await Chat.in(await browser.newContext());
  await other.open(server);
  await other.page.getByRole('button', { name: 'Menu', exact: true }).click();
  await other.page.getByRole('menuitem', { name: 'Import' }).click();
  const dialog = other.page.getByRole('dialog', { name: 'Import chats' });
  await dialog.locator('input[type="file"]').setInputFiles(file);
  await expect(dialog).toContainText('Imported 1 chat.');
  await expect(other.page.getByText('Imported 1 chat.')).toHaveCount(1);
  await other.expectAccessible();
  await dialog.locator('input[type="file"]').setInputFiles({
    name: 'broken.json',
    mimeType: 'application/json',
    buffer: Buffer.from('{"format": "webchat", '),
  });
  await expect(dialog).toContainText('broken.json could not be imported.');
  await other.expectAccessible();
  await other.page.keyboard.press('Escape');

  await other.list.getByRole('link', { name: 'tides' }).click();
  await expect(other.answers).toHaveText([/About tides/]);
});
