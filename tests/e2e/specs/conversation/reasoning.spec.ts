import type { Page } from '@playwright/test';

import { expect, test } from '../../support/fixtures.ts';
import { VIEWPORTS } from '../../support/viewports.ts';

const THOUGHTS = 'A sum of **two** numbers. <img src="/x.png"> They are small.';

/** A promise that the test resolves. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

function toggle(page: Page) {
  return page.getByRole('article', { name: 'Answer' }).getByRole('button', { name: /^Th(inking|ought)/ });
}

test('reasoning is folded above the answer, while it streams and after a reload', async ({
  scripted,
  chat,
  context,
}) => {
  const text = gate();
  const server = await scripted(async (_question, write, reason) => {
    reason(THOUGHTS);
    await text.opened;
    write('Four.');
  });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const { page } = chat;
  await chat.open(server);
  await chat.send('2 + 2?');

  await expect(toggle(page)).toHaveText('Thinking…');
  await expect(toggle(page)).toHaveAttribute('aria-expanded', 'false');
  await expect(page.getByText('A sum of')).toHaveCount(0);
  const announced = page.getByRole('log', { name: 'Streaming answer' });
  await expect(announced).toContainText('Thinking…');
  const top = (await toggle(page).boundingBox())?.y;
  text.open();
  await chat.waitForAnswer();

  await expect(toggle(page)).toHaveAccessibleName(/^Thought for [\d.]+ s$/);
  expect((await toggle(page).boundingBox())?.y, 'the page has moved').toBeCloseTo(top ?? 0, 0);
  const duration = await toggle(page).innerText();
  await expect(announced).toContainText('Four.');
  await expect(announced).not.toContainText('sum');
  await page.reload();
  await expect(toggle(page)).toHaveText(duration);
  await toggle(page).press('Enter');
  await expect(toggle(page)).toHaveAttribute('aria-expanded', 'true');
  await expect(page.locator('webchat-reasoning strong')).toHaveText('two');
  await expect(page.locator('webchat-reasoning img')).toHaveCount(0);

  await chat.answers.last().getByRole('button', { name: 'Copy answer' }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('Four.');
  await page.emulateMedia({ media: 'print' });
  await expect(page.locator('webchat-reasoning')).toBeHidden();
  await page.emulateMedia({ media: null });
  await toggle(page).press('Space');
  await expect(page.locator('webchat-reasoning strong')).toHaveCount(0);
});

test('an answer that is stopped while the model reasons keeps its reasoning and can be asked again', async ({
  scripted,
  chat,
}) => {
  let requests = 0;
  const server = await scripted(async (_question, write, reason) => {
    requests += 1;
    reason(requests === 1 ? 'The first thought.' : 'The second thought.');
    if (requests === 1) await new Promise(() => {});
    write('Four.');
  });
  const { page } = chat;
  await chat.open(server);
  await chat.send('2 + 2?');
  await expect(toggle(page)).toHaveText('Thinking…');
  await toggle(page).click();
  await expect(chat.answers.last()).toContainText('The first thought.');
  await chat.field.press('Escape');

  await expect(chat.answers.last()).toContainText('You stopped this answer.');
  await expect(toggle(page)).toHaveAccessibleName(/^Thought for/);
  await page.reload();
  await toggle(page).click();
  await expect(chat.answers.last()).toContainText('The first thought.');
  await chat.answers.last().getByRole('button', { name: 'Try again' }).click();
  await chat.waitForAnswer();

  await expect(chat.answers).toHaveCount(1);
  await expect(chat.answers.last()).toContainText('The second thought.');
  await expect(chat.answers.last()).not.toContainText('The first thought.');
  await expect(chat.answers.last()).toContainText('Four.');
});

test('long reasoning stays in place when it is unfolded, and the page follows the answer once it is folded', async ({
  scripted,
  chat,
}) => {
  const rest = gate();
  const server = await scripted(async (_question, write, reason) => {
    reason(`The first thought.\n\n${'Another.\n\n'.repeat(60)}`);
    write('Four, ');
    await rest.opened;
    write(`because:\n\n${'A line.\n\n'.repeat(60)}The end.`);
  });
  const { page } = chat;
  await chat.open(server);
  await chat.send('2 + 2?');
  await expect(chat.answers).toContainText('Four,');
  const jump = page.getByRole('button', { name: 'Jump to latest' });
  const top = (await toggle(page).boundingBox())?.y ?? 0;

  await toggle(page).click();
  await expect(jump).toBeVisible();
  await expect(page.getByText('The first thought.')).toBeInViewport();
  expect((await toggle(page).boundingBox())?.y, 'the page has moved').toBeCloseTo(top, 0);
  await toggle(page).click();
  await expect(jump).toHaveCount(0);
  rest.open();
  await chat.waitForAnswer();

  await expect(chat.answers.getByText('The end.')).toBeInViewport();
});

test('the page follows unfolded reasoning while the model reasons', async ({ scripted, chat }) => {
  const more = gate();
  const server = await scripted(async (_question, _write, reason) => {
    reason('The first thought.');
    await more.opened;
    reason(`\n\n${'Another.\n\n'.repeat(60)}The last thought.`);
    await new Promise(() => {});
  });
  const { page } = chat;
  await chat.open(server);
  await chat.send('2 + 2?');

  await toggle(page).click();
  more.open();

  await expect(page.getByText('The last thought.')).toBeInViewport();
  await chat.field.press('Escape');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`reasoning is accessible: ${colorScheme}`, async ({ scripted, chat }, { outputDir }) => {
    test.setTimeout(120_000);
    const end = gate();
    const long = Array.from({ length: 60 }, (_, index) => `Thought ${index}: ${THOUGHTS}`);
    const server = await scripted(async (question, write, reason) => {
      reason(long.join('\n\n'));
      if (question === 'wait') await end.opened;
      write('Four.');
    });
    const { page } = chat;
    await page.emulateMedia({ colorScheme });
    await chat.open(server);
    await chat.ask('2 + 2?');
    await chat.send('wait');
    await expect(toggle(page).last()).toHaveText('Thinking…');

    for (const size of VIEWPORTS) {
      await page.setViewportSize(size);
      for (const isUnfolded of ['false', 'true']) {
        await expect(toggle(page).first()).toHaveAttribute('aria-expanded', isUnfolded);
        await chat.expectAccessible();
        await chat.expectNoHorizontalOverflow();
        await page.screenshot({ path: `${outputDir}/${colorScheme}-${size.width}-${isUnfolded}.png` });
        await toggle(page).first().click();
      }
    }
    end.open();
    await chat.waitForAnswer();
  });
}
