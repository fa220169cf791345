import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

import type { Browser, Page } from '@playwright/test';

import { askAll, Chat, expect, test } from './fixtures.ts';
import { type Scores, withBrowser } from './lighthouse.ts';
import { BEGIN, type Cost, costOf, END } from './trace.ts';

/**
 * What the page costs, in the browser. Nothing is expected of the figures: they are printed beside
 * what they should be, and written to `bench/page.json` in cargo's target folder.
 */
const ROOT = resolve(import.meta.dirname, '../..');
const RESULTS = join(process.env['CARGO_TARGET_DIR'] ?? join(ROOT, 'target'), 'bench/page.json');
/** A machine that does other things beside gives figures that differ: the middle one counts. */
const ROUNDS = 3;

const TOKENS = 5000;
const TOKENS_A_SECOND = 1000;
const ANSWER = tokens(TOKENS);
const MORE = '| body | pull |\n|--|--:|\n| moon | 2 |\n| sun | 1 |\n\n$h(t) = h_0 + \\sum_i a_i \\cos(\\omega_i t)$\n';

interface Figure {
  case: string;
  value: number;
  unit: string;
  /** `null` for what stands beside another figure, to compare. */
  goal: number | null;
}

const figures: Figure[] = [];

test.afterAll(async () => {
  await mkdir(resolve(RESULTS, '..'), { recursive: true });
  await writeFile(RESULTS, `${JSON.stringify(figures, null, 2)}\n`);
});

test('first load', async () => {
  const page = await readFile(join(ROOT, 'web/dist/index.html'), 'utf8');
  const entries = [...page.matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css))"/g)].map(([, path]) => path);
  const sizes = await Promise.all(
    entries.map(async (path) => gzipSync(await readFile(join(ROOT, 'web/dist', path ?? ''))).length),
  );
  const total = sizes.reduce((sum, size) => sum + size, 0);
  add('first load: JavaScript and styles, gzip', total / 1000, 'KB', 160);
});

test('an answer at 1 000 tokens a second', async ({ scripted, chat, browser }) => {
  const server = await scripted(async (_question, say) => {
    const begin = performance.now();
    for (let said = 0; said < TOKENS; await sleep(2)) {
      const due = ((performance.now() - begin) / 1000) * TOKENS_A_SECOND;
      for (; said < Math.min(due, TOKENS); said += 1) say(ANSWER[said] ?? '');
    }
  });
  const cost = await costOfAnswer(chat, browser, server.url);
  const still = await costOf(browser, chat.page, () =>
    chat.page.evaluate(redraw, { BEGIN, END, ms: (TOKENS / TOKENS_A_SECOND) * 1000 }),
  );
  add('5 000 tokens at 1 000 a second: main thread', cost.busy, 's', 2.1);
  add('5 000 tokens at 1 000 a second: frames its work takes', cost.overrun, 'frames', 3);
  add('5 000 tokens at 1 000 a second: frames missed in all', cost.missed, 'frames', null);
  add('a page at rest, for as long: main thread', still.busy, 's', null);
  add('a page at rest, for as long: frames its work takes', still.overrun, 'frames', null);
  add('a page at rest, for as long: frames missed in all', still.missed, 'frames', null);
});

test('the same answer as a burst', async ({ scripted, chat, browser }) => {
  const server = await scripted(async (_question, say) => ANSWER.forEach((token) => say(token)));
  const { busy } = await costOfAnswer(chat, browser, server.url);
  add('5 000 tokens as a burst: main thread', busy, 's', 0.6);
});

for (const count of [2_000, 100_000]) {
  const messages = `${count.toLocaleString('en').replace(',', ' ')} messages`;

  test(`a conversation of ${messages}`, async ({ scripted, chat }) => {
    const { page } = chat;
    await chat.open(await scripted(async () => {}));
    await bringIn(page, count);
    const link = chat.list.getByRole('link');
    const times: number[] = [];
    for (let round = 0; round < 9; round += 1) {
      times.push(await link.evaluate(paintedAfterClick));
      await page.getByRole('button', { name: 'New chat' }).click();
      await expect(chat.answers).toHaveCount(0);
    }
    add(`${messages}: newest page painted after the click`, median(times) / 1000, 's', 0.4);
  });
}

test('Lighthouse', async ({ scripted }) => {
  const server = await scripted(async (_question, say) => say(`${ANSWER.slice(0, 200).join('')}\n\n${MORE}`));
  await withBrowser(async (context, scores) => {
    const chat = await Chat.in(context);
    await chat.open(server);
    await chat.ask('0');
    const path = new URL(chat.page.url()).pathname;
    await askAll(chat.page, path, Array.from({ length: 39 }, (_, at) => String(at + 1)));
    await chat.page.close();
    await addScores('an empty page', () => scores(server.url));
    await addScores('a long conversation', () => scores(server.url + path));
  });
});

/** What else the machine does makes the scores lower, never higher: the best of some rounds counts. */
async function addScores(name: string, measure: () => Promise<Scores | null>): Promise<void> {
  const rounds: Scores[] = [];
  for (let tries = 0; rounds.length < ROUNDS && tries < 3 * ROUNDS; tries += 1) {
    const scores = await measure();
    if (scores) rounds.push(scores);
  }
  for (const category of ['performance', 'accessibility', 'best-practices'] as const) {
    const best = Math.max(...rounds.map((scores) => scores[category]));
    add(`Lighthouse, ${name}: ${category}`, best, 'of 100', 95);
  }
}

/** What the page does for one answer: the median of some rounds, each on a page of its own. */
async function costOfAnswer(chat: Chat, browser: Browser, url: string): Promise<Cost> {
  const { page } = chat;
  const costs: Cost[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await page.goto(url);
    await chat.field.fill('Go on');
    const act = async () => {
      await page.evaluate(markAnswer, { BEGIN, END });
      await page.keyboard.press('Enter');
      await page.evaluate(() => (window as unknown as { answered: Promise<void> }).answered);
    };
    costs.push(await costOf(browser, page, act));
  }
  const middle = (of: (cost: Cost) => number) => median(costs.map(of));
  return {
    busy: middle(({ busy }) => busy),
    overrun: middle(({ overrun }) => overrun),
    missed: middle(({ missed }) => missed),
  };
}

/** The page says itself when it is done: to be asked all the time would cost it much of what it does. */
function markAnswer({ BEGIN, END }: { BEGIN: string; END: string }): void {
  addEventListener('keydown', () => performance.mark(BEGIN), { capture: true, once: true });
  const answered = new Promise<void>((resolve) => {
    const seen = new MutationObserver(() => {
      if (!document.querySelector('article.answer[aria-busy="false"]')) return;
      seen.disconnect();
      // A task behind the frame: what it shows has been painted.
      requestAnimationFrame(() =>
        setTimeout(() => {
          performance.mark(END);
          resolve();
        }),
      );
    });
    seen.observe(document.body, { subtree: true, childList: true, attributeFilter: ['aria-busy'] });
  });
  Object.assign(window, { answered });
}

/** A conversation of so many messages, from a file as the Flask application saved it. */
async function bringIn(page: Page, count: number): Promise<void> {
  const history = Array.from({ length: count / 2 }, (_, at) => [
    { role: 'user', content: `Question ${at}` },
    { role: 'assistant', content: ANSWER.slice(at % TOKENS, (at % TOKENS) + 60).join('') },
  ]).flat();
  const imports = new URL('/api/v1/imports', page.url()).href;
  const started = await page.request.post(imports, { data: history });
  const { import_id: id } = (await started.json()) as { import_id: string };
  const brought = async () => (await page.request.get(`${imports}/${id}`)).json();
  const whole = expect.objectContaining({ status: 'complete', messages: count });
  await expect.poll(brought, { timeout: 300_000, intervals: [500] }).toEqual(whole);
}

/** A page on which hardly anything changes, but something in each frame. */
async function redraw({ BEGIN, END, ms }: { BEGIN: string; END: string; ms: number }): Promise<void> {
  const changing = document.querySelector('h1');
  performance.mark(BEGIN);
  const end = performance.now() + ms;
  for (let now = 0; now < end; ) {
    now = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
    if (changing) changing.style.opacity = changing.style.opacity === '1' ? '0.99' : '1';
  }
  performance.mark(END);
}

/** Milliseconds from the click to the frame that shows the newest answer. */
function paintedAfterClick(link: Element): Promise<number> {
  const begin = performance.now();
  (link as HTMLElement).click();
  return new Promise((resolve) => {
    const look = () => {
      const newest = [...document.querySelectorAll('article.answer')].at(-1);
      const isThere = newest?.querySelector('.block') && newest.getBoundingClientRect().bottom > 0;
      if (!isThere) requestAnimationFrame(look);
      // A task behind the frame: what it shows has been painted.
      else requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begin)));
    };
    look();
  });
}

/** Prose, lists and code, in pieces of some four characters. */
function tokens(count: number): string[] {
  const section = (at: number) => `## Part ${at}

The moon **pulls** at the water, and the [sea](https://example.org/${at}) rises twice a day; \`h(t)\` tells how high.

- First, the near side.
- Then the far one.

\`\`\`python
def height(moon, sun, hours):
    """How high the water stands, in metres."""
    tide = sum(body.pull * cos(body.angle + hours) for body in (moon, sun))
    return MEAN + tide  # above the mean
\`\`\`

`;
  let text = '';
  for (let at = 1; text.length < count * 4; at += 1) text += section(at);
  return Array.from({ length: count }, (_, at) => text.slice(at * 4, at * 4 + 4));
}

function median(values: number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function add(name: string, value: number, unit: string, goal: number | null): void {
  figures.push({ case: name, value: Math.round(value * 1000) / 1000, unit, goal });
  const said = `${value.toFixed(unit === 's' ? 2 : 0)} ${unit}`;
  const aim = goal === null ? '' : `   goal: ${goal} ${unit}`;
  process.stdout.write(`  ${name.padEnd(60)}${said.padStart(12)}${aim}\n`);
}
