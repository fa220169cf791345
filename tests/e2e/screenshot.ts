import { test } from './fixtures.ts';

const PICTURE = new URL('../../docs/screenshot.png', import.meta.url).pathname;

test('the README’s picture: the running product, the real model', async ({ server, chat }) => {
  await chat.page.setViewportSize({ width: 1280, height: 800 });
  await chat.open(server);
  for (const question of ['What do tides have to do with the moon?', 'Plan a weekend in Lisbon']) {
    await chat.page.getByRole('button', { name: 'New chat' }).click();
    await chat.ask(question);
  }
  await chat.page.getByRole('button', { name: 'New chat' }).click();
  await chat.ask('Write a Python function that reverses a string. Show the code.');
  await chat.page.screenshot({ path: PICTURE });
});
