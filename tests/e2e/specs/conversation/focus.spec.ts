import type { Chat } from '../../support/chat.ts';
import { expect, test } from '../../support/fixtures.ts';
import { echo } from '../../support/scripted-model.ts';

/** Asserts that the focus is on an element of the page, now and after the next renders. */
async function expectFocusOnPage({ page }: Chat, situation: string): Promise<void> {
  const focused = () => page.evaluate(() => document.activeElement?.localName);
  for (let frame = 0; frame < 5; frame += 1) {
    await page.waitForTimeout(60);
    expect(await focused(), situation).not.toBe('body');
  }
}

test('the focus stays on the page when the focused button disappears', async ({ scripted, chat }) => {
  test.setTimeout(120_000);
  let isFailing = true;
  const server = await scripted(async (question, write) => {
    if (question === 'fail' && isFailing) throw new Error('scripted failure');
    write('A sentence. ');
    if (question.endsWith('half') && isFailing) throw new Error('scripted failure');
  });
  const { page } = chat;
  await chat.open(server);
  const press = async (name: string, situation = name) => {
    const button = page.getByRole('button', { name, exact: true }).last();
    await button.focus();
    await page.keyboard.press('Enter');
    await expectFocusOnPage(chat, situation);
  };

  await chat.ask('fail');
  await press('Try again');
  await expect(chat.answers.last()).toContainText('The model can’t be reached.');
  await chat.ask('half');
  isFailing = false;
  await press('Continue');
  await expect(chat.answers.last()).toContainText('A sentence. A sentence.');
  await chat.waitForAnswer();
  await press('Regenerate');
  await chat.waitForAnswer();
  await press('Earlier version');
  await expect(chat.answers.last()).toContainText('1 / 2');
  await press('Edit question');
  await page.keyboard.press('Escape');
  await expectFocusOnPage(chat, 'a cancelled edit');
  await press('Edit question');
  await page.getByRole('textbox', { name: 'Question' }).fill('changed');
  await page.keyboard.press('Enter');
  await expectFocusOnPage(chat, 'a saved edit');
  await chat.waitForAnswer();
  await chat.list.getByRole('link', { name: 'fail' }).focus();
  await page.keyboard.press('F2');
  await expect(page.getByRole('textbox', { name: 'Title' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expectFocusOnPage(chat, 'a cancelled renaming');
  await page.keyboard.press('Delete');
  await expectFocusOnPage(chat, 'a deleted conversation');
  await press('Undo');
  await expect(chat.questions.first()).toBeVisible();
});

test('the focus stays on the page when the focused element is removed by something else', async ({
  scripted,
  chat,
}) => {
  const server = await scripted(echo);
  const { page } = chat;
  await chat.open(server);
  await chat.ask('tides');
  const path = chat.path;

  await chat.answers.last().getByRole('button', { name: 'Copy answer' }).focus();
  await page.evaluate(() => document.activeElement?.remove());
  await expectFocusOnPage(chat, 'a removed button');
  await expect(chat.answers.last()).toBeFocused();
  await chat.list.getByRole('link', { name: 'tides' }).focus();
  await page.context().request.delete(`${server.url}/api/v1/conversations/${path.split('/').at(-1)}`);

  await expect(page.getByRole('heading', { name: 'Chat not found' })).toBeVisible();
  await expectFocusOnPage(chat, 'a conversation deleted elsewhere');
});
