import { expect, test } from '../../support/fixtures.ts';
import { echo } from '../../support/scripted-model.ts';

test('a server outage loses neither messages nor drafts', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('before');
  await server.kill();
  await expect(chat.page.getByText('Reconnecting…')).toBeVisible();

  await chat.send('sent while disconnected');
  await expect(chat.questions.last()).toHaveText(/^\s*sent while disconnected\s*Waiting to send\s*$/);
  await chat.expectAccessible();
  await chat.field.fill('a draft');
  await server.restart();

  await expect(chat.answers.last()).toContainText('About sent while disconnected');
  await expect(chat.field).toHaveValue('a draft');
  await chat.page.reload();
  await expect(chat.field).toHaveValue('a draft');
  await expect(chat.questions).toHaveText(['before', 'sent while disconnected']);
});

test('an unaccepted message survives a reload and is stored once', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('before');
  await chat.page.routeWebSocket('**/ws', (socket) => {
    const upstream = socket.connectToServer();
    socket.onMessage((frame) => {
      // The server receives the messages, but the page receives none of its events.
      upstream.send(frame);
    });
    upstream.onMessage(() => {});
  });
  await chat.page.reload();
  await expect(chat.questions).toHaveCount(1);
  await chat.send('did you get this?');
  await expect(chat.questions.last()).toHaveText('did you get this?');

  await chat.page.unrouteAll();
  const newTab = await chat.page.context().newPage();
  await chat.page.close();
  await newTab.goto(server.url);
  await newTab.getByRole('navigation').getByRole('link').first().click();

  await expect(newTab.getByText('About did you get this?')).toBeVisible();
  await expect(newTab.getByRole('article', { name: 'You' })).toHaveText([
    'before',
    'did you get this?',
  ]);
});

test('a rejected message can be edited and sent', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write('Fine.'));
  await chat.open(server);

  await chat.send('word '.repeat(20_000));
  await expect(chat.page.getByRole('alert')).toContainText('tokens');
  await chat.page.getByRole('button', { name: 'Edit' }).click();
  await expect(chat.field).toHaveValue(/^word word/);
  await chat.field.fill('shorter');
  await chat.field.press('Enter');

  await expect(chat.answers).toHaveText([/Fine\./]);
  await expect(chat.questions).toHaveText(['shorter']);
});

test('an answer interrupted by a server crash can be continued', async ({ scripted, chat }) => {
  let count = 0;
  const server = await scripted(async (_question, write) => {
    count += 1;
    write(count === 1 ? 'The first half, ' : 'and the second.');
    if (count === 1) await new Promise(() => {});
  });
  await chat.open(server);
  await chat.send('Tell me');
  await expect(chat.answers).toHaveText([/The first half,/]);
  // The text is stored every two seconds.
  await chat.page.waitForTimeout(3000);
  await server.kill();
  await expect(chat.page.getByText('Reconnecting…')).toBeVisible();
  await server.restart();

  await expect(chat.answers).toContainText(['The server stopped before the answer was finished.'], {
    timeout: 45_000,
  });
  await chat.expectAccessible();
  await chat.page.getByRole('button', { name: 'Continue' }).click();

  await expect(chat.answers).toHaveText([/^\s*The first half, and the second\.\s*$/]);
  await chat.page.reload();
  await expect(chat.answers).toHaveText([/^\s*The first half, and the second\.\s*$/]);
});
