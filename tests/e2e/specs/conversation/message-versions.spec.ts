import { expect, test } from '../../support/fixtures.ts';

const numberedAnswers = () => {
  let count = 0;
  return async (question: string, write: (text: string) => void) => {
    count += 1;
    write(`Answer ${count} to ${question}`);
  };
};

test('a question can be edited in place, and both versions are kept', async ({ scripted, chat }) => {
  const server = await scripted(numberedAnswers());
  await chat.open(server);
  await chat.ask('tides');
  await chat.ask('moons');

  await chat.questions.first().hover();
  const edit = chat.page.getByRole('button', { name: 'Edit question' }).first();
  await edit.click();
  const field = chat.page.getByRole('textbox', { name: 'Question' });
  await expect(field).toBeFocused();
  await field.fill('waves');
  await chat.page.keyboard.press('Escape');
  await expect(chat.questions.first()).toContainText('tides');
  await expect(edit).toBeFocused();
  await edit.click();
  await field.fill('waves');
  await chat.page.keyboard.press('Enter');

  await expect(chat.answers).toHaveText([/Answer 3 to waves/]);
  await expect(chat.questions).toHaveCount(1);
  await expect(chat.field).toBeFocused();
  await chat.waitForAnswer();
  await expect(chat.questions.first()).toContainText('2 / 2');
  const earlier = chat.questions.first().getByRole('button', { name: 'Earlier version' });
  await earlier.focus();
  await chat.page.keyboard.press('Enter');
  await expect(chat.answers).toHaveText([/Answer 1 to tides/, /Answer 2 to moons/]);
  await expect(chat.questions.first()).toContainText('1 / 2');
  await expect(earlier).toBeFocused();
  await chat.page.reload();
  await expect(chat.questions).toHaveText([/tides/, /moons/]);
  await chat.expectAccessible();
});

test('a regenerated answer appears in both tabs', async ({ scripted, chat }) => {
  const server = await scripted(numberedAnswers());
  await chat.open(server);
  await chat.ask('tides');
  const tab = await chat.openTab(server, chat.path);
  await expect(tab.answers).toHaveText([/Answer 1/]);

  await chat.page.getByRole('button', { name: 'Regenerate' }).click();
  for (const { answers } of [chat, tab]) {
    await expect(answers).toHaveText([/Answer 2 to tides/]);
    await expect(answers.first()).toContainText('2 / 2');
  }
  await tab.answers.first().getByRole('button', { name: 'Earlier version' }).click();

  for (const { answers } of [chat, tab]) await expect(answers).toHaveText([/Answer 1 to tides/]);
});

test('a stopped answer can be continued', async ({ scripted, chat }) => {
  let count = 0;
  const server = await scripted(async (_question, write) => {
    count += 1;
    write(count === 1 ? 'The first half, ' : 'and the second.');
    if (count === 1) await new Promise(() => {});
  });
  await chat.open(server);
  await chat.send('Tell me');
  await expect(chat.answers).toHaveText([/The first half,/]);
  await chat.page.getByRole('button', { name: 'Stop' }).click();
  await expect(chat.answers.first()).toContainText('You stopped this answer.');

  await chat.page.getByRole('button', { name: 'Continue' }).click();

  await expect(chat.answers).toHaveText([/The first half, and the second\./]);
  await chat.waitForAnswer();
  await expect(chat.answers.first()).not.toContainText('You stopped this answer.');
  await chat.page.reload();
  await expect(chat.answers).toHaveText([/The first half, and the second\./]);
});
