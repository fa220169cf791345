import type { Locator } from '@playwright/test';

import { expect, test } from '../../support/fixtures.ts';
import { recordPolicyViolations } from '../../support/policy-violations.ts';

const NESTED_CODE = `1. Install it:

   \`\`\`bash
   pip install ${'lantern'.repeat(40)}
   \`\`\`

2. Use it.

> \`\`\`python
> def glow(): return 1
> \`\`\`
`;

test('nested code has the tools of other code', async ({ scripted, chat }) => {
  const { page } = chat;
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const server = await scripted(async (_question, write) => write(NESTED_CODE));
  await chat.open(server);
  await chat.ask('How?');
  const [bash, python] = [0, 1].map((index) => chat.answers.first().locator('figure').nth(index));
  const pre = bash!.locator('pre');

  await expect(bash!).toContainText('bash');
  await expect(python!.locator('.hljs-keyword').first()).toHaveText('def');
  expect(await isScrollable(pre)).toBe(true);
  await bash!.getByRole('button', { name: 'Wrap lines' }).click();
  expect(await isScrollable(pre)).toBe(false);
  const download = page.waitForEvent('download');
  await python!.getByRole('button', { name: 'Download code' }).click();
  expect((await download).suggestedFilename()).toBe('code.py');
  await python!.getByRole('button', { name: 'Copy code' }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('def glow(): return 1\n');
  await chat.expectAccessible();
});

test('a copy button says “Copied” for a moment, also after two clicks', async ({ scripted, chat }) => {
  await chat.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const server = await scripted(async (_question, write) => write('```js\nlet a;\n```'));
  await chat.open(server);
  await chat.ask('How?');
  const button = chat.answers.first().locator('figure button').last();

  await button.click();
  await expect(button).toHaveAccessibleName('Copied');
  await expect(chat.page.getByRole('status').filter({ hasText: 'Copied' })).toHaveCount(1);
  await button.click();

  await expect(button).toHaveAccessibleName('Copied');
  await expect(button).toHaveAccessibleName('Copy code');
});

test('the markers of lists are not cut off', async ({ scripted, chat }) => {
  const lists = ['998. nine\n999. nine\n1000. thousand', '2019. first', '1. أولا\n2. English', '- واحد\n- اثنان'];
  const server = await scripted(async (_question, write) => write(lists.join('\n\ntext\n\n')));
  await chat.open(server);
  await chat.ask('List');

  const found = await chat.answers.first().locator('ol, ul').evaluateAll((elements) =>
    elements.map((list) => {
      const marker = document.createElement('span');
      const last = list instanceof HTMLOListElement ? list.start + list.childElementCount - 1 : null;
      marker.textContent = last === null ? '• ' : `${last}. `;
      list.firstElementChild?.append(marker);
      const needed = marker.getBoundingClientRect().width;
      marker.remove();
      const { direction, paddingInlineStart } = getComputedStyle(list);
      const items = [...list.children].map((item) => getComputedStyle(item).direction);
      return { direction, items: [...new Set(items)], fits: needed <= parseFloat(paddingInlineStart) };
    }),
  );

  expect(found).toEqual([
    { direction: 'ltr', items: ['ltr'], fits: true },
    { direction: 'ltr', items: ['ltr'], fits: true },
    { direction: 'rtl', items: ['rtl'], fits: true },
    { direction: 'rtl', items: ['rtl'], fits: true },
  ]);
});

const FORMULAS = String.raw`The answer is $\boxed{42}$, $\frac{\cancel{2}x}{\cancel{2}}$ and $\ce{H2O}$:
\[
\begin{aligned}
f(x) &= (x+1)^2 \\
&= x^2
\end{aligned}
\]

$$
${'a_1 + '.repeat(60)} a
$$
`;

test('formulas are complete, and wide ones scroll', async ({ scripted, chat }) => {
  const { page } = chat;
  const policyViolations = await recordPolicyViolations(page);
  const server = await scripted(async (_question, write) => write(FORMULAS));
  await chat.open(server);
  await chat.ask('Show me');
  const answer = chat.answers.first();

  await expect(answer.locator('.katex-html')).toHaveCount(5);
  await expect(answer.locator('.katex .boxed, .katex .fcolorbox, .katex .fbox')).toHaveCount(1);
  await expect(answer.locator('.katex-html svg line')).not.toHaveCount(0);
  await expect(answer.locator('math')).toHaveCount(5);
  const wide = answer.locator('webchat-display-math').last();
  expect(await isScrollable(wide)).toBe(true);
  await expect(wide).toHaveAttribute('tabindex', '0');
  const fonts = await page.evaluate(() =>
    [...document.fonts].filter(({ family, status }) => /KaTeX/.test(family) && status === 'loaded').length,
  );
  expect(fonts).toBeGreaterThan(0);
  await chat.expectNoHorizontalOverflow();
  await chat.expectAccessible();
  expect(await policyViolations()).toEqual([]);
});

for (const [name, start, more, selector] of [
  ['a paragraph', 'first words of ', 'a long text ', 'p'],
  ['a list', '- first words\n- more ', 'and more ', 'li'],
  ['a table', '| a | b |\n|---|---|\n| first words | b |\n', '| c | d |\n', 'td'],
  ['code', '```js\nfirst words\n', 'let a = 1;\n', 'code'],
  ['nested code', '- item\n  ```js\n  first words\n', '  let a = 1;\n', 'code'],
] as const) {
  test(`a selection persists while ${name} grows`, async ({ scripted, chat }) => {
    let next = () => {};
    const server = await scripted(async (_question, write) => {
      write(start);
      for (let step = 0; step < 3; step += 1) {
        await new Promise<void>((resolve) => (next = resolve));
        write(more);
      }
    });
    await chat.open(server);
    await chat.send('Go');
    const element = chat.answers.first().locator(selector).first();
    await expect(element).toContainText('first words');
    await element.evaluate((target) => {
      const text = document.createTreeWalker(target, NodeFilter.SHOW_TEXT).nextNode();
      getSelection()?.setBaseAndExtent(text!, 0, text!, 'first words'.length);
    });

    for (let step = 0; step < 3; step += 1) {
      const before = (await chat.answers.first().textContent())?.length ?? 0;
      next();
      await expect
        .poll(async () => ((await chat.answers.first().textContent()) ?? '').length)
        .toBeGreaterThan(before);
      expect(await chat.page.evaluate(() => String(getSelection()))).toBe('first words');
    }
  });
}

test('sections, tasks, footnotes and HTML of an answer are shown', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) =>
    write(
      'H<sub>2</sub>O[^1] <kbd>Ctrl</kbd> [gone](tel:1)\n\n- [x] done\n- [ ] open\n\n' +
        '<details>\n<summary>More</summary>\n\nhidden **text**\n\n</details>\n\n' +
        '| a | b |\n|---|---|\n| one<br>two | 12 000 000 |\n\n[^1]: A note.\n',
    ),
  );
  await chat.open(server);
  await chat.ask('Show me');
  const answer = chat.answers.first();

  await expect(answer.locator('sub')).toHaveText('2');
  await expect(answer.getByRole('link')).toHaveCount(0);
  await expect(answer.getByRole('checkbox', { name: 'Done' })).toBeDisabled();
  await expect(answer.getByRole('checkbox', { name: 'To do' })).not.toBeChecked();
  await expect(answer.getByText('hidden text')).toBeHidden();
  await answer.getByText('More').click();
  await expect(answer.getByText('hidden text')).toBeVisible();
  await answer.getByRole('button', { name: 'Footnote 1', exact: true }).click();
  await expect(answer.locator('webchat-footnote')).toBeFocused();
  await answer.getByRole('button', { name: 'Back to the reference to footnote 1' }).click();
  await expect(answer.getByRole('button', { name: 'Footnote 1', exact: true })).toBeFocused();
  await chat.expectAccessible();
});

test('a long question is folded and can be found', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) => write('Fine.'));
  await chat.open(server);
  const text = `**Please** run:\n\`\`\`js\nlet a;\n\`\`\`\n${'line\n'.repeat(30)}the end`;
  await chat.ask(text);
  const question = chat.questions.first();

  await expect(question.locator('strong')).toHaveText('Please');
  await expect(question.getByRole('button', { name: 'Copy code' })).toBeVisible();
  const more = question.getByRole('button', { name: 'Show more' });
  const folded = (await question.boundingBox())?.height ?? 0;
  await more.click();
  await expect(question.getByText('the end')).toBeInViewport();
  expect((await question.boundingBox())?.height).toBeGreaterThan(folded + 200);
  await question.getByRole('button', { name: 'Show less' }).click();
  await expect(more).toHaveAttribute('aria-expanded', 'false');
  // The browser's search scrolls to its match, which no script can trigger.
  await question.locator('.folded').evaluate((fold) => (fold.scrollTop = 200));
  await expect(question.getByRole('button', { name: 'Show less' })).toBeVisible();
  await chat.expectAccessible();
  await question.getByRole('button', { name: 'Edit question' }).click();
  await expect(question.getByRole('textbox', { name: 'Question' })).toHaveValue(text);
});

function isScrollable(locator: Locator): Promise<boolean> {
  return locator.evaluate(
    (element) =>
      element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX === 'auto',
  );
}
