import { expect, test } from './support/fixtures.ts';

const SCREENSHOT = new URL('../../docs/screenshot.png', import.meta.url).pathname;

const EARLIER_QUESTIONS = [
  'Which stars are seen in winter?',
  'A recipe for lentil soup',
  'What do tides have to do with the moon?',
  'Plan a weekend in Lisbon',
];

test.use({ viewport: { width: 1280, height: 820 }, deviceScaleFactor: 1.5 });

test('takes the README’s screenshot with the real model', async ({ server, chat }) => {
  test.setTimeout(300_000);
  await chat.open(server);
  for (const question of EARLIER_QUESTIONS) {
    await chat.ask(question);
    await chat.page.getByRole('button', { name: 'New chat' }).click();
  }
  await chat.ask('Write a Python function that reverses a string. Show the code.');
  await chat.page.getByRole('button', { name: 'Regenerate' }).click();
  await expect(chat.answers.last()).toContainText('2 / 2', { timeout: 45_000 });
  await chat.ask('Now one that counts the vowels in it. Show the code, without an example.');
  await chat.page.screenshot({ path: SCREENSHOT });
});
