import { expect, test } from '../../support/fixtures.ts';
import { echo } from '../../support/scripted-model.ts';
import { VIEWPORTS } from '../../support/viewports.ts';

const RICH_MARKDOWN = `# Tides

The **moon** pulls; see [the sea](https://example.org/sea).

- one
- two

| planet | moons |
| :-- | --: |
| Earth | 1 |

\`\`\`python
def tide(moon):
    return moon * 2  # twice a day
\`\`\`
`;

const HOSTILE = `<img src=x onerror="document.title='run'"> <script>document.title='run'</script>

[click](javascript:document.title='run') [data](data:text/html,<script>1</script>)

![picture](https://external.invalid/pixel.png)

<svg onload="document.title='run'"></svg> <a href="https://example.org" onclick="x()">link</a>
`;

test('Markdown in an answer is rendered', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => {
    for (const chunk of RICH_MARKDOWN.match(/.{1,7}/gsu) ?? []) write(chunk);
  });
  await chat.open(server);
  await chat.ask('Show me');

  const answer = chat.answers.first();
  await expect(answer.getByRole('heading', { name: 'Tides' })).toBeVisible();
  await expect(answer.getByRole('link', { name: 'the sea' })).toHaveAttribute('target', '_blank');
  await expect(answer.getByRole('listitem')).toHaveText(['one', 'two']);
  await expect(answer.getByRole('cell', { name: '1' })).toHaveCSS('text-align', 'end');
  await expect(answer.locator('code .hljs-keyword').first()).toHaveText('def');
  await chat.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await answer.getByRole('button', { name: 'Copy code' }).click();
  await expect(answer.getByRole('button', { name: 'Copied' })).toBeVisible();
  const copied = await chat.page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe('def tide(moon):\n    return moon * 2  # twice a day\n');
});

test('a hostile answer runs no code and fetches nothing', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write(HOSTILE));
  const externalRequests: string[] = [];
  chat.page.on('request', (request) => {
    if (!request.url().startsWith(server.url)) externalRequests.push(request.url());
  });
  await chat.open(server);
  await chat.ask(HOSTILE);

  const answer = chat.answers.first();
  await expect(answer).toContainText('<script>');
  await expect(answer.locator('img, script, svg:not(.icon)')).toHaveCount(0);
  await expect(answer.locator('a[href^="javascript" i], a[href^="data" i]')).toHaveCount(0);
  await expect(answer.locator('[onclick], [onerror], [onload]')).toHaveCount(0);
  await expect(answer.getByRole('link', { name: 'picture' })).toBeVisible();
  expect(await chat.page.title()).not.toBe('run');
  expect(externalRequests.filter((url) => !url.startsWith('data:'))).toEqual([]);
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const size of VIEWPORTS) {
    test(`the page is accessible: ${colorScheme}, ${size.width} px wide`, async ({
      scripted,
      chat,
    }) => {
      let resume = () => {};
      const server = await scripted(async (question, write) => {
        write(RICH_MARKDOWN);
        if (question === 'fail') throw new Error('scripted failure');
        if (question === 'wait') await new Promise<void>((resolve) => (resume = resolve));
      });
      await chat.page.emulateMedia({ colorScheme });
      await chat.page.setViewportSize(size);

      await chat.open(server);
      await chat.expectAccessible();
      await chat.ask('Show me');
      await expect(chat.answers.locator('.hljs-keyword').first()).toBeVisible();
      await chat.expectAccessible();
      await chat.ask('fail');
      await chat.expectAccessible();
      await chat.send('wait');
      await expect(chat.answers).toHaveCount(3);
      await chat.expectAccessible();
      resume();
      await chat.waitForAnswer();
      if (size.width < 672) {
        await chat.page.getByRole('button', { name: 'Chats', exact: true }).click();
        await chat.expectAccessible();
      }
      await chat.expectNoHorizontalOverflow();
      await chat.page.goto(`${server.url}/c/00000000-0000-7000-8000-000000000000`);
      await expect(chat.page.getByRole('heading', { name: 'not found' })).toBeVisible();
      await chat.expectAccessible();
    });
  }
}

test('conversations can be renamed, opened and deleted', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  await chat.ask('tides');
  await chat.page.getByRole('button', { name: 'New chat' }).click();
  await expect(chat.answers).toHaveCount(0);
  await chat.ask('moons');
  await expect(chat.list.getByRole('link')).toHaveText(['moons', 'tides']);

  await chat.choose('tides', 'Rename');
  await chat.page.getByRole('textbox', { name: 'Title' }).fill('The sea');
  await chat.page.keyboard.press('Enter');
  await expect(chat.list.getByRole('link')).toHaveText(['moons', 'The sea']);

  await chat.choose('moons', 'Delete');

  await expect(chat.list.getByRole('link')).toHaveText(['The sea']);
  await expect(chat.answers).toHaveCount(0);
  await chat.list.getByRole('link', { name: 'The sea' }).click();
  await expect(chat.answers).toHaveText([/About tides/]);
  await chat.page.goBack();
  await expect(chat.answers).toHaveCount(0);
});

test('the page can be used with the keyboard only', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.open(server);
  const { keyboard } = chat.page;
  await expect(chat.field).toBeFocused();

  await keyboard.type('first line');
  await keyboard.press('Shift+Enter');
  await keyboard.type('second line');
  await keyboard.press('Enter');
  await expect(chat.questions).toHaveText(['first line\nsecond line']);
  await chat.waitForAnswer();
  await chat.page.getByRole('link', { name: 'Skip to the chat' }).focus();
  await keyboard.press('Enter');
  await expect(chat.field).toBeFocused();
  await chat.list.getByRole('link').focus();
  await keyboard.press('Tab');
  await expect(chat.list.getByRole('button', { name: /^Options for/ })).toBeFocused();
  await keyboard.press('Enter');
  await expect(chat.page.getByRole('menuitem', { name: 'Rename' })).toBeFocused();
  await keyboard.press('ArrowUp');
  await expect(chat.page.getByRole('menuitem', { name: 'Delete' })).toBeFocused();
  await keyboard.press('Escape');
  await expect(chat.list.getByRole('button', { name: /^Options for/ })).toBeFocused();
});

test('on a phone, the conversation list is a drawer', async ({ scripted, chat }) => {
  const server = await scripted(echo);
  await chat.page.setViewportSize({ width: 390, height: 844 });
  await chat.open(server);
  await chat.ask('tides');
  await expect(chat.list).toBeHidden();

  const toggle = chat.page.getByRole('button', { name: 'Chats', exact: true });
  await toggle.click();
  await expect(chat.list.getByRole('button', { name: 'New chat' })).toBeFocused();
  await chat.page.keyboard.press('Escape');
  await expect(chat.list).toBeHidden();
  await expect(toggle).toBeFocused();
  await toggle.click();
  await chat.list.getByRole('link', { name: 'tides' }).click();

  await expect(chat.list).toBeHidden();
});

test('the chosen theme survives a reload', async ({ scripted, chat }) => {
  const server = await scripted(async () => {});
  await chat.page.emulateMedia({ colorScheme: 'light' });
  await chat.open(server);
  const theme = chat.page.getByRole('button', { name: / theme$/ });
  await theme.click();
  await theme.click();

  await chat.page.reload();

  await expect(chat.page.locator('body')).toHaveCSS('background-color', 'rgb(22, 22, 22)');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`with the ${colorScheme} theme`, () => {
    test.use({ colorScheme });

    test('an unknown address shows a page with a way back', async ({ scripted, chat }) => {
      const server = await scripted(async () => {});
      await chat.page.goto(`${server.url}/nonsense`);

      await expect(chat.page.getByRole('heading', { name: 'Page not found' })).toBeVisible();
      await chat.expectAccessible();
      await chat.page.getByRole('link', { name: 'Go to Webchat' }).click();

      await expect(chat.field).toBeVisible();
    });
  });
}
