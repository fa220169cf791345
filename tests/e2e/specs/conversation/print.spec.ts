import type { Page } from '@playwright/test';
import { extractText, getDocumentProxy } from 'unpdf';

import { expect, test } from '../../support/fixtures.ts';

const LONG_LINE = `const line = '${'abcdefghij'.repeat(30)}'; // end of the long line`;

const RICH_ANSWER = [
  '# Tides',
  'See [the page about tides](https://example.org/tides?moon=1#spring) and https://example.org/plain.',
  `\`\`\`js\n${LONG_LINE}\n\`\`\``,
  `\`\`\`text\n${Array.from({ length: 120 }, (_, line) => `line ${line}`).join('\n')}\n\`\`\``,
  '| Sea | Range |\n| --- | ---: |\n| Bay of Fundy | 16.3 m |',
  '$$E = mc^2$$',
  'The last words of the answer.',
].join('\n\n');

/** The text of the page as a PDF, with the white space removed: lines may be broken anywhere. */
async function printedText(page: Page): Promise<string> {
  const pdf = await getDocumentProxy(new Uint8Array(await page.pdf({ format: 'A4' })));
  const { text } = await extractText(pdf, { mergePages: true });
  return text.normalize('NFKC').replace(/\s+/g, '');
}

/** Notices the browser's print dialog, which a browser without a window does not have. */
async function countPrints(page: Page): Promise<() => Promise<number>> {
  await page.addInitScript(() => {
    window.print = () => {
      document.documentElement.dataset['prints'] = String(Number(document.documentElement.dataset['prints'] ?? 0) + 1);
    };
  });
  return () => page.evaluate(() => Number(document.documentElement.dataset['prints'] ?? 0));
}

test('a printed conversation is complete, and shows the addresses of links', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write(RICH_ANSWER));
  await chat.page.emulateMedia({ colorScheme: 'dark' });
  await chat.open(server);
  await chat.ask('What do tides have to do with the moon?');
  await expect(chat.answers.locator('math')).toBeVisible();

  const text = await printedText(chat.page);

  for (const part of [
    'What do tides have to do with the moon?',
    'the page about tides (https://example.org/tides?moon=1#spring) and https://example.org/plain.',
    LONG_LINE,
    'line 0',
    'line 119',
    'Bay of Fundy 16.3 m',
    'The last words of the answer.',
    'printed on',
  ]) {
    expect(text).toContain(part.replace(/\s+/g, ''));
  }
  for (const control of ['New chat', 'Enter to send', 'Regenerate', 'plain (https']) {
    expect(text, `${control} is printed`).not.toContain(control.replace(/\s+/g, ''));
  }
  await chat.page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  await expect(chat.page.locator('body')).toHaveCSS('color', 'rgb(22, 22, 22)');
});

test('a conversation that is printed while it is being rendered is complete', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write('unused'));
  await chat.open(server);
  const messages = Array.from({ length: 40 }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: index % 2 === 0 ? `question ${index}` : `answer **${index}**`,
  }));
  await chat.page.request.post(`${server.url}/api/v1/imports`, { data: messages });
  await chat.page.evaluate(holdQueuedWork);
  await chat.list.getByRole('link', { name: 'question 0' }).click();
  await expect(chat.answers.last()).toContainText('answer 39');
  expect(await chat.answers.count(), 'all messages were rendered at once').toBeLessThan(20);

  const text = await printedText(chat.page);

  expect(text).toContain('Youquestion0Answeranswer1Youquestion2');
});

/** Keeps the page from continuing with queued work: it waits with a timer without a delay. */
function holdQueuedWork(): void {
  const original = window.setTimeout;
  const held = (handler: TimerHandler, delay?: number, ...rest: unknown[]) =>
    delay === undefined ? 0 : original(handler, delay, ...rest);
  window.setTimeout = held as typeof window.setTimeout;
}

test('all messages of a long conversation are printed from its menu and with the keyboard', async ({
  scripted,
  chat,
}) => {
  test.setTimeout(120_000);
  const server = await scripted(async (_question, write) => write('unused'));
  const prints = await countPrints(chat.page);
  await chat.open(server);
  const messages = Array.from({ length: 300 }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: index % 2 === 0 ? `question ${index}` : `answer **${index}**, and $x^2$.`,
  }));
  await chat.page.request.post(`${server.url}/api/v1/imports`, { data: messages });
  await chat.list.getByRole('link', { name: 'question 0' }).click();
  await expect(chat.answers.last()).toContainText('answer 299');

  expect(await printedText(chat.page)).toContain('Earliermessagesaremissing');
  await chat.choose('question 0', 'Print or save as PDF');
  await expect.poll(prints).toBe(1);
  const text = await printedText(chat.page);
  // A PDF contains formulas separately from the text around them.
  expect(text.match(/x2/g)).toHaveLength(150);
  const withoutFormulas = text.replaceAll('x2', '');
  for (let index = 0; index < 300; index += 2) {
    expect(withoutFormulas).toContain(`Youquestion${index}Answeranswer${index + 1},and.`);
  }
  expect(text).not.toContain('Earliermessagesaremissing');

  await chat.page.reload();
  await expect(chat.answers.last()).toContainText('answer 299');
  await chat.page.keyboard.press('Control+p');
  await expect.poll(prints).toBe(1);
  expect(await printedText(chat.page)).toContain('answer1,and');
});
