import { Chat } from '../../support/chat.ts';
import { expect, test } from '../../support/fixtures.ts';
import { echo } from '../../support/scripted-model.ts';

test('the first answer streams in, and its token count is shown', async ({
  server,
  chat,
}) => {
  await chat.open(server);
  await expect(chat.page.getByRole('banner')).toContainText(process.env['TEST_MODEL'] ?? '?');

  await chat.send('Write a story about a lighthouse keeper and a whale.');
  const answer = chat.answers.first();
  const lengths = new Set<number>();
  await expect(async () => {
    lengths.add((await answer.innerText()).length);
    expect(lengths.size).toBeGreaterThan(5);
  }).toPass({ intervals: [20], timeout: 30_000 });
  await expect(answer).toHaveAttribute('aria-busy', 'true');
  await chat.waitForAnswer();

  await expect(chat.page.getByText(/^\d[\d,]* tokens$/)).toBeVisible();
  await expect(chat.list.getByRole('link')).toHaveText([/Write a story about a lighthouse keeper/]);
  await expect(chat.page).toHaveTitle(/Write a story about a lighthouse keeper/);
});

test('ten turns survive server crashes and a reload', async ({
  server,
  chat,
}) => {
  test.setTimeout(180_000);
  await chat.open(server);
  const answers: string[] = [];
  for (let turn = 1; turn <= 10; turn += 1) {
    answers.push(await chat.ask(`Name one animal, in one short sentence. Turn ${turn}.`));
    if (turn % 3 === 0) {
      await server.kill();
      await expect(chat.page.getByText('Reconnecting…')).toBeVisible();
      await server.restart();
      await expect(chat.page.getByText('Reconnecting…')).toBeHidden();
    }
  }
  await server.kill();
  await server.restart();

  await chat.page.reload();

  await expect(chat.questions).toHaveCount(10);
  await expect(chat.answers).toHaveCount(10);
  expect(await chat.answers.allInnerTexts()).toEqual(answers);
  await expect(chat.list.getByRole('link')).toHaveCount(1);
});

test('two browsers never see each other’s conversations', async ({ server, chat, browser }) => {
  await chat.open(server);
  await chat.ask('This is my secret.');
  const path = chat.path;

  const other = await Chat.in(await browser.newContext());
  await other.open(server);
  await expect(other.list.getByText('Your chats will appear here.')).toBeVisible();
  await other.page.goto(server.url + path);

  await expect(
    other.page.getByRole('heading', { name: 'Chat not found' }),
  ).toBeVisible();
  await expect(other.page.getByText('my secret')).toHaveCount(0);
});

test('the URL of an unknown conversation shows an error and offers a new chat', async ({
  scripted,
  chat,
}) => {
  const { page } = chat;
  const server = await scripted(echo);
  await page.goto(`${server.url}/c/none-of-these`);

  await expect(page.getByRole('heading', { name: 'not found' })).toBeVisible();
  await chat.expectAccessible();
  await page.setViewportSize({ width: 390, height: 844 });
  await expect(page.getByRole('banner')).toContainText('Webchat');
  await expect(page.getByRole('banner')).not.toContainText('New chat');
  await page.getByRole('button', { name: 'Start a new chat' }).click();
  await chat.ask('tides');

  await expect(chat.answers).toHaveText([/About tides/]);
  await expect(page).toHaveURL(/\/c\/[0-9a-f-]{36}$/);
});

test('an answer continues while another conversation is open', async ({ scripted, chat }) => {
  let resume = () => {};
  const server = await scripted(async (_question, write) => {
    write('The first half, ');
    await new Promise<void>((resolve) => (resume = resolve));
    write('and the second.');
  });
  await chat.open(server);
  await chat.send('Tell me');
  await expect(chat.answers).toHaveText([/The first half,/]);
  const path = chat.path;

  await chat.page.getByRole('button', { name: 'New chat' }).click();
  await expect(chat.answers).toHaveCount(0);
  await chat.open(server, path);
  await expect(chat.answers).toHaveText([/The first half,/]);
  resume();

  await expect(chat.answers).toHaveText([/The first half, and the second\./]);
  await chat.page.reload();
  await expect(chat.answers).toHaveText([/The first half, and the second\./]);
});

test('two tabs show the same streaming answer', async ({ scripted, chat }) => {
  let resume = () => {};
  const server = await scripted(async (_question, write) => {
    write('One, ');
    await new Promise<void>((resolve) => (resume = resolve));
    write('two.');
  });
  await chat.open(server);
  await chat.send('Count');
  await expect(chat.answers).toHaveText([/One,/]);

  const tab = await chat.openTab(server, chat.path);
  await expect(tab.answers).toHaveText([/One,/]);
  resume();

  await expect(chat.answers).toHaveText([/One, two\./]);
  await expect(tab.answers).toHaveText([/One, two\./]);
});

test('stopping an answer keeps the text received so far', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => {
    write('The first part. ');
    await new Promise(() => {});
  });
  await chat.open(server);
  await chat.send('Keep talking');
  await expect(chat.answers).toHaveText([/The first part\./]);

  await chat.page.getByRole('button', { name: 'Stop' }).click();

  await expect(chat.answers.first()).toContainText('You stopped this answer.');
  await chat.page.reload();
  await expect(chat.answers).toHaveText([/The first part\.\s*You stopped this answer\./]);
});

test('a failed answer shows the reason, and the next message works', async ({ scripted, chat }) => {
  const server = await scripted(async (question, write) => {
    write('Well, ');
    if (question === 'fail') throw new Error('scripted failure');
    write('yes.');
  });
  await chat.open(server);

  await chat.ask('fail');
  await expect(chat.answers.first()).toContainText('Well,');
  await expect(chat.answers.first()).toContainText('The connection to the model was lost.');
  await chat.page.reload();
  await expect(chat.answers.first()).toContainText('The connection to the model was lost.');
  await chat.ask('work');

  await expect(chat.answers.last()).toContainText('Well, yes.');
});
