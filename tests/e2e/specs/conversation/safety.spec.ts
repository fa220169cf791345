import type { Page } from '@playwright/test';

import { askAll } from '../../support/chat.ts';
import { expect, test } from '../../support/fixtures.ts';
import { HOSTILE_TEXTS } from '../../support/hostile-texts.ts';
import { recordPolicyViolations } from '../../support/policy-violations.ts';

/** The elements that an answer may contain. */
const TAGS = new Set(
  `p a bdi em strong s del code pre ul ol li blockquote h1 h2 h3 h4 h5 h6 hr br wbr table thead tbody tr
  th td div span figure figcaption button svg path input details summary abbr b cite i ins kbd mark q samp
  small sub sup u var webchat-markdown webchat-math webchat-display-math webchat-footnote math semantics
  annotation mrow mi mn mo mtext mspace ms msup msub msubsup mfrac msqrt mroot mover munder munderover
  mtable mtr mtd mstyle mpadded mphantom menclose merror mmultiscripts mprescripts`.split(/\s+/),
);
/** The attributes that these elements may have. MathML may have every attribute that contains no URL. */
const ATTRIBUTES = /^(class|dir|href|target|rel|title|align|start|open|tabindex|role|aria-[a-z]+|type|disabled|checked|data-(language|action|digits|cell|footnote)|viewBox|width|height|focusable|d|streaming)$/;
const MATH_ATTRIBUTES = /^(xmlns|display|mathvariant|mathcolor|mathbackground|stretchy|separator|fence|accent|accentunder|lspace|rspace|minsize|maxsize|symmetric|width|height|depth|voffset|scriptlevel|displaystyle|rowspacing|columnspacing|columnalign|linethickness|encoding|notation|movablelimits|form|largeop|rowlines|columnlines|linebreak)$/;
/** KaTeX sets styles by script. Their effect is limited to the formula. */
const FORMULA_ATTRIBUTES = /^(class|style|aria-hidden|xmlns|viewBox|preserveAspectRatio|width|height|d|x1|x2|y1|y2|stroke-width)$/;

const ANSWER_ELEMENTS = 'article.answer webchat-markdown *';

test('hostile answers run no code, send no requests and cannot imitate the page', async ({ scripted, chat }) => {
  test.setTimeout(480_000);
  expect(HOSTILE_TEXTS.length).toBeGreaterThanOrEqual(200);
  const { page } = chat;
  const server = await scripted(async (question, write) => {
    // Split the text at arbitrary positions, as a model does.
    const answer = HOSTILE_TEXTS[Number(question)] ?? '';
    for (let start = 0; start < answer.length; start += 97) write(answer.slice(start, start + 97));
  }, { DAILY_TOKENS_PER_USER: '0' });
  const violations = recordViolations(page, server.url);
  const policyViolations = await recordPolicyViolations(page);
  await chat.open(server);
  await chat.ask('0');

  await askAll(page, chat.path, HOSTILE_TEXTS.slice(1).map((_, index) => String(index + 1)));
  await chat.waitForAnswer();
  await expect(chat.questions.last()).toHaveText(String(HOSTILE_TEXTS.length - 1));
  await expectHarmless(page, ANSWER_ELEMENTS, policyViolations, 'while streaming');
  await chat.page.reload();
  await expect(chat.questions.last()).toHaveText(String(HOSTILE_TEXTS.length - 1));
  await loadAllMessages(page);
  await expect(chat.answers).toHaveCount(HOSTILE_TEXTS.length);
  await expectHarmless(page, ANSWER_ELEMENTS, policyViolations, 'after a reload');

  expect(violations).toEqual([]);
});

test('hostile messages of the user run no code', async ({ scripted, chat }) => {
  const { page } = chat;
  const server = await scripted(async (_question, write) => write('Fine.'));
  const violations = recordViolations(page, server.url);
  const policyViolations = await recordPolicyViolations(page);
  await chat.open(server);
  const pasted = HOSTILE_TEXTS.filter((text) => text.length < 300);

  for (let start = 0; start < pasted.length; start += 100) {
    await chat.ask(pasted.slice(start, start + 100).join('\n\n'));
  }

  await expectHarmless(page, 'article.question webchat-markdown *', policyViolations, 'in questions');
  expect(violations).toEqual([]);
});

test('a link with a misleading text shows its real host', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) =>
    write('[https://bank.example](https://external.invalid/x) and [the sea](https://sea.example)'),
  );
  await chat.open(server);
  await chat.ask('Where?');

  const links = chat.answers.first().getByRole('link');
  await expect(links).toHaveText(['https://bank.exampleexternal.invalid', 'the sea']);
  await expect(links.first()).toHaveAttribute('rel', 'noopener noreferrer nofollow');
});

test('formulas are rendered, but prices stay text', async ({ scripted, chat }) => {
  const server = await scripted(async (_question, write) =>
    write('From $5 to $10: $x^2$ and\n\n$$\n\\frac{1}{2}\n$$\n\n\\(y\\) but not `$z$`.'),
  );
  await chat.open(server);
  await chat.ask('Show me');

  await expect(chat.answers.first().locator('math')).toHaveCount(3);
  await expect(chat.answers.first().locator('math[display=block] mfrac')).toHaveCount(1);
  await expect(chat.answers.first()).toContainText('From $5 to $10:');
});

/** Records popups, dialogs, and requests to URLs that the page does not use. */
function recordViolations(page: Page, server: string): string[] {
  const violations: string[] = [];
  const expected = new RegExp(`^${server}/(?:$|c/|api/|assets/|theme\\.js$|favicon[a-z-]*\\.svg$)`);
  page.on('request', (request) => {
    if (!expected.test(request.url())) violations.push(request.url());
  });
  page.on('popup', (popup) => violations.push(`popup ${popup.url()}`));
  page.on('dialog', (dialog) => violations.push(`dialog ${dialog.message()}`));
  return violations;
}

async function loadAllMessages(page: Page): Promise<void> {
  await expect(async () => {
    await page.locator('.scroller').evaluate((scroller) => (scroller.scrollTop = 0));
    await expect(page.locator('.older')).toHaveCount(0, { timeout: 100 });
  }).toPass({ timeout: 180_000 });
}

async function expectHarmless(
  page: Page,
  selector: string,
  policyViolations: () => Promise<string[]>,
  when: string,
): Promise<void> {
  const state = await page.evaluate((elements) => ({
    hacked: 'hacked' in window,
    elements: [...document.querySelectorAll(elements)].map((element) => ({
      tag: element.localName,
      isMath: element.namespaceURI?.endsWith('MathML') === true,
      isFormula: element.closest('.katex') !== null,
      attributes: [...element.attributes].map(({ name }) => name),
      href: element.getAttribute('href') ?? '',
    })),
  }), selector);
  expect(state.hacked, `${when}: code has run`).toBe(false);
  expect(await policyViolations(), `${when}: the policy was violated`).toEqual([]);
  expect(state.elements.length).toBeGreaterThan(300);
  const disallowed = state.elements.filter(({ tag, isMath, isFormula, attributes, href }) => {
    const allowed = isMath ? MATH_ATTRIBUTES : isFormula ? FORMULA_ATTRIBUTES : ATTRIBUTES;
    const isAllowedUrl = href === '' || /^(https?:|mailto:)/.test(href);
    const isAllowedTag = TAGS.has(tag) || (isFormula && tag === 'line');
    return !isAllowedTag || !isAllowedUrl || !attributes.every((name) => allowed.test(name));
  });
  expect(disallowed, `${when}: disallowed elements or attributes`).toEqual([]);
}
