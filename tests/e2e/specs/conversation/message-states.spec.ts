import { expect, test } from '../../support/fixtures.ts';
import { VIEWPORTS } from '../../support/viewports.ts';

function message(position: number, content: string, changes: object = {}) {
  return {
    message_id: `m${position}`,
    conversation_id: 'c',
    position,
    parent_id: position === 1 ? null : `m${position - 1}`,
    turn_id: null,
    role: position % 2 === 1 ? 'user' : 'assistant',
    content,
    token_count: 2,
    status: 'complete',
    created_at: `2026-01-0${Math.ceil(position / 4)}T03:04:05.678Z`,
    versions: [`m${position}`],
    ...changes,
  };
}

/** A conversation with a message of every status and with several versions. */
const MESSAGES = [
  message(1, 'A question'),
  message(2, 'It was stopped', { status: 'stopped' }),
  message(3, 'Another question'),
  message(4, 'The server crashed', { status: 'interrupted' }),
  message(5, 'A question with versions', { versions: ['x', 'm5'] }),
  message(6, 'It was too lo', { status: 'truncated', versions: ['y', 'm6', 'z'] }),
  message(7, 'The last question'),
  message(8, '', { status: 'failed' }),
];
const FILES = [
  { status: 'running', done: 3, of: 12, error: null },
  { status: 'running', done: 0, of: 0, error: null },
  { status: 'failed', done: 2, of: 3, error: { message: 'Part 3 failed.', code: 'model_failed' } },
].map((job, index) => ({ ...job, job_id: `j${index}`, conversation_id: 'c', file_name: `${index}.txt` }));

for (const colorScheme of ['light', 'dark'] as const) {
  test(`messages of every status are accessible: ${colorScheme}`, async ({ scripted, chat }) => {
    test.setTimeout(120_000);
    const server = await scripted(async (_question, write) => write('Fine.'));
    const { page } = chat;
    await page.emulateMedia({ colorScheme });
    await chat.open(server);
    await chat.ask('before');
    const json = { messages: MESSAGES, next_before: null, event_seq: 1e9, running_turn: null };
    await page.route('**/messages', (route) => route.fulfill({ json }));
    await page.route('**/context', (route) => route.fulfill({ json: { summary: { through: 4 } } }));
    await page.route('**/files', (route) => route.fulfill({ json: { files: FILES } }));
    await page.reload();
    await expect(chat.answers).toHaveCount(4);

    for (const size of VIEWPORTS) {
      await page.setViewportSize(size);
      await chat.expectAccessible();
      await chat.expectAllControlsReachable();
      await chat.questions.last().hover();
      await chat.questions.last().getByRole('button', { name: 'Edit question' }).click();
      await chat.expectAccessible();
      await page.keyboard.press('Escape');
      await chat.expectNoHorizontalOverflow();
    }

    const offeredActions = chat.answers.getByRole('button').filter({ hasText: /Continue|Try again/ });
    await expect(offeredActions, 'not exactly one answer can be continued').toHaveCount(1);
    await expect(chat.answers.nth(2)).toContainText('2 / 3');
  });
}

test('times and details appear on hover and focus, and on touch screens always', async ({
  scripted,
  chat,
  browser,
}) => {
  const server = await scripted(async (_question, write) => write('The moon pulls.'));
  await chat.open(server);
  await chat.ask('tides');
  await chat.page.mouse.move(0, 0);
  const rows = chat.page.getByRole('list', { name: 'Messages' }).getByRole('listitem');
  const details = rows.last().locator('.message-details');

  await expect(details).toHaveCSS('opacity', '0');
  await expect(details).toHaveText(/^\s*\d+:\d\d\s[AP]M.*scripted\s*\d+ tokens/s);
  await chat.answers.last().hover();
  await expect(details).toHaveCSS('opacity', '1');
  const time = details.locator('time');
  await expect(time).toHaveAttribute('datetime', /^\d{4}-\d\d-\d\dT/);
  await chat.page.mouse.move(0, 0);
  await chat.answers.last().getByRole('button', { name: 'Copy answer' }).focus();
  await expect(details).toHaveCSS('opacity', '1');
  await expect(time.getByText(/day, .* at \d+:\d\d:\d\d/)).toBeVisible();
  await chat.expectAccessible();

  const state = await chat.page.context().storageState();
  const phone = await browser.newContext({ hasTouch: true, isMobile: true, storageState: state, locale: 'de-DE' });
  const page = await phone.newPage();
  await page.goto(chat.page.url());
  const touchDetails = page.locator('.message-details').last();
  await expect(touchDetails).toHaveCSS('opacity', '1');
  await expect(touchDetails).toHaveText(/^\s*\d\d:\d\d/);
  await phone.close();
});

test('a failed or empty answer says once what happened, with one action', async ({ scripted, chat }) => {
  let isFailing = true;
  const server = await scripted(async (question, write) => {
    if (isFailing && question === 'fail') throw new Error('scripted failure');
    write(isFailing ? ' \n' : 'The moon pulls.');
  });
  await chat.open(server);

  for (const [question, text] of [
    ['fail', 'The model can’t be reached.'],
    ['tides', 'The model sent an empty answer.'],
  ] as const) {
    await chat.ask(question);
    const answer = chat.answers.last();
    await expect(answer.locator('webchat-message-status')).toHaveText(new RegExp(`^\\s*${text}\\s*Try again\\s*$`));
    await expect(answer.getByRole('button')).toHaveText(['Try again']);
  }
  isFailing = false;
  await chat.answers.last().getByRole('button', { name: 'Try again' }).click();

  await expect(chat.answers.last()).toContainText('The moon pulls.');
  await expect(chat.answers.last().locator('webchat-message-status')).toHaveText('');
});
