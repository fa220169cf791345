import { expect, test } from './fixtures.ts';

test('the server goes away and comes back: nothing typed is lost', async ({ scripted, chat }) => {
  const server = await scripted(async (question, say) => say(`You said: ${question}`));
  await chat.open(server);
  await chat.ask('before');
  await server.kill();
  await expect(chat.page.getByText('Reconnecting…')).toBeVisible();

  await chat.say('sent while you were away');
  await expect(chat.questions.last()).toHaveText('sent while you were away');
  await chat.field.fill('a draft');
  await server.restart();

  await expect(chat.answers.last()).toContainText('You said: sent while you were away');
  await expect(chat.field).toHaveValue('a draft');
  await chat.page.reload();
  await expect(chat.field).toHaveValue('a draft');
  await expect(chat.questions).toHaveText(['before', 'sent while you were away']);
});

test('a message that was not acknowledged survives a reload, and is stored once', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(async (question, say) => say(`You said: ${question}`));
  await chat.open(server);
  await chat.ask('before');
  await chat.page.routeWebSocket('**/ws', (socket) => {
    const upstream = socket.connectToServer();
    socket.onMessage((frame) => {
      // What is said reaches the server; what it answers never comes back.
      upstream.send(frame);
    });
    upstream.onMessage(() => {});
  });
  await chat.page.reload();
  await expect(chat.questions).toHaveCount(1);
  await chat.say('did you get this?');
  await expect(chat.questions.last()).toHaveText('did you get this?');

  await chat.page.unrouteAll();
  const again = await chat.page.context().newPage();
  await chat.page.close();
  await again.goto(server.url);
  await again.getByRole('navigation').getByRole('link').first().click();

  await expect(again.getByText('You said: did you get this?')).toBeVisible();
  await expect(again.getByRole('article', { name: 'You' })).toHaveText([
    'before',
    'did you get this?',
  ]);
});

test('a message that is refused can be edited and sent', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, say) => say('Fine.'));
  await chat.open(server);

  await chat.say('word '.repeat(20_000));
  await expect(chat.page.getByRole('alert')).toContainText('tokens');
  await chat.page.getByRole('button', { name: 'Edit' }).click();
  await expect(chat.field).toHaveValue(/^word word/);
  await chat.field.fill('shorter');
  await chat.field.press('Enter');

  await expect(chat.answers).toHaveText([/Fine\./]);
  await expect(chat.questions).toHaveText(['shorter']);
});
