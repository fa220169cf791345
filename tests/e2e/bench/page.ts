import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

import type { Browser, Page } from '@playwright/test';

import { askAll, Chat } from '../support/chat.ts';
import { expect, test } from '../support/fixtures.ts';
import { type Scores, withBrowser } from './lighthouse.ts';
import { type Cost, END, measureCost, START } from './trace.ts';

/**
 * Measures the cost of the page in the browser. There are no thresholds: the results are printed with their goals and
 * written to `bench/page.json` in cargo's target directory.
 */
const ROOT = resolve(import.meta.dirname, '../../..');
const RESULTS = join(process.env['CARGO_TARGET_DIR'] ?? join(ROOT, 'target'), 'bench/page.json');
/** The number of rounds of a measurement. Results vary with the load of the machine, so the median counts. */
const ROUNDS = 3;

const TOKENS = 5000;
const TOKENS_PER_SECOND = 1000;
const ANSWER = tokens(TOKENS);
const TABLE_AND_FORMULA = '| body | pull |\n|--|--:|\n| moon | 2 |\n| sun | 1 |\n\n$h(t) = h_0 + \\sum_i a_i \\cos(\\omega_i t)$\n';

interface Figure {
  case: string;
  value: number;
  unit: string;
  /** `null` for a figure that is only for comparison. */
  goal: number | null;
}

const figures: Figure[] = [];

test.afterAll(async () => {
  await mkdir(resolve(RESULTS, '..'), { recursive: true });
  await writeFile(RESULTS, `${JSON.stringify(figures, null, 2)}\n`);
});

test('first load', async () => {
  const page = await readFile(join(ROOT, 'web/dist/index.html'), 'utf8');
  const entries = [...page.matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)].map(([, path]) => path);
  expect(entries).not.toEqual([]);
  const sizes = await Promise.all(
    entries.map(async (path) => gzipSync(await readFile(join(ROOT, 'web/dist', path ?? ''))).length),
  );
  const total = sizes.reduce((sum, size) => sum + size, 0);
  add('first load: JavaScript and styles, gzip', total / 1000, 'KB', 160);
});

test('an answer at 1 000 tokens a second', async ({ scripted, chat, browser }) => {
  const server = await scripted(async (_question, write) => {
    const start = performance.now();
    for (let sent = 0; sent < TOKENS; await sleep(2)) {
      const due = ((performance.now() - start) / 1000) * TOKENS_PER_SECOND;
      for (; sent < Math.min(due, TOKENS); sent += 1) write(ANSWER[sent] ?? '');
    }
  });
  const cost = await measureAnswer(chat, browser, server.url);
  const idle = await measureCost(browser, chat.page, () =>
    chat.page.evaluate(redraw, { START, END, ms: (TOKENS / TOKENS_PER_SECOND) * 1000 }),
  );
  add('5 000 tokens at 1 000 a second: main thread', cost.mainThreadSeconds, 's', 2.1);
  add('5 000 tokens at 1 000 a second: overrun frames', cost.overrunFrames, 'frames', 3);
  add('5 000 tokens at 1 000 a second: dropped frames', cost.droppedFrames, 'frames', null);
  add('an idle page for the same time: main thread', idle.mainThreadSeconds, 's', null);
  add('an idle page for the same time: overrun frames', idle.overrunFrames, 'frames', null);
  add('an idle page for the same time: dropped frames', idle.droppedFrames, 'frames', null);
});

test('the same answer as a burst', async ({ scripted, chat, browser }) => {
  const server = await scripted(async (_question, write) => ANSWER.forEach((token) => write(token)));
  const { mainThreadSeconds } = await measureAnswer(chat, browser, server.url);
  add('5 000 tokens as a burst: main thread', mainThreadSeconds, 's', 0.6);
});

for (const count of [2_000, 100_000]) {
  const messages = `${count.toLocaleString('en').replace(',', ' ')} messages`;

  test(`a conversation of ${messages}`, async ({ scripted, chat }) => {
    await chat.open(await scripted(async () => {}));
    const answers = Array.from({ length: count / 2 }, (_, index) =>
      ANSWER.slice(index % TOKENS, (index % TOKENS) + 60).join(''),
    );
    await importConversation(chat.page, answers);
    add(`${messages}: newest page painted after the click`, await measureOpening(chat), 's', 0.4);
  });
}

test('an answer of 1 MB', async ({ scripted, chat }) => {
  await chat.open(await scripted(async () => {}));
  await importConversation(chat.page, [tokens(1_000_000 / 4).join('')]);
  add('an answer of 1 MB: its end painted after the click', await measureOpening(chat), 's', 1);
});

test('Lighthouse', async ({ scripted }) => {
  const server = await scripted(async (_question, write) => write(`${ANSWER.slice(0, 200).join('')}\n\n${TABLE_AND_FORMULA}`));
  await withBrowser(async (context, scores) => {
    const chat = await Chat.in(context);
    await chat.open(server);
    await chat.ask('0');
    const { path } = chat;
    await askAll(chat.page, path, Array.from({ length: 39 }, (_, index) => String(index + 1)));
    await chat.page.close();
    await addScores('an empty page', () => scores(server.url));
    await addScores('a long conversation', () => scores(server.url + path));
  });
});

/** Adds the best score of each category, because other load on the machine only lowers the scores. */
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

/** Measures the cost of one answer: the median of several rounds, each on a new page. */
async function measureAnswer(chat: Chat, browser: Browser, url: string): Promise<Cost> {
  const { page } = chat;
  const costs: Cost[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await page.goto(url);
    await chat.field.fill('Go on');
    const action = async () => {
      await page.evaluate(markAnswer, { START, END });
      await page.keyboard.press('Enter');
      await page.evaluate(() => (window as unknown as { answered: Promise<void> }).answered);
    };
    costs.push(await measureCost(browser, page, action));
  }
  const medianOf = (field: (cost: Cost) => number) => median(costs.map(field));
  return {
    mainThreadSeconds: medianOf(({ mainThreadSeconds }) => mainThreadSeconds),
    overrunFrames: medianOf(({ overrunFrames }) => overrunFrames),
    droppedFrames: medianOf(({ droppedFrames }) => droppedFrames),
  };
}

/** Makes the page mark the end of the answer itself. Polling for it would distort the measurement. */
function markAnswer({ START, END }: { START: string; END: string }): void {
  addEventListener('keydown', () => performance.mark(START), { capture: true, once: true });
  const answered = new Promise<void>((resolve) => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector('article.answer[aria-busy="false"]')) return;
      observer.disconnect();
      // This task runs after the frame has been painted.
      requestAnimationFrame(() =>
        setTimeout(() => {
          performance.mark(END);
          resolve();
        }),
      );
    });
    observer.observe(document.body, { subtree: true, childList: true, attributeFilter: ['aria-busy'] });
  });
  Object.assign(window, { answered });
}

/** Opens the only conversation several times. Returns the median of the times until it is painted, in seconds. */
async function measureOpening({ page, list, answers }: Chat): Promise<number> {
  const link = list.getByRole('link');
  const times: number[] = [];
  for (let round = 0; round < 9; round += 1) {
    times.push(await link.evaluate(measureClick));
    await page.getByRole('button', { name: 'New chat' }).click();
    await expect(answers).toHaveCount(0);
  }
  return median(times) / 1000;
}

/** Imports a conversation with these answers, in the format of the Flask application. */
async function importConversation(page: Page, answers: string[]): Promise<void> {
  const history = answers.flatMap((content, index) => [
    { role: 'user', content: `Question ${index}` },
    { role: 'assistant', content },
  ]);
  const imports = new URL('/api/v1/imports', page.url()).href;
  const started = await page.request.post(imports, { data: history });
  const { import_id: id } = (await started.json()) as { import_id: string };
  const status = async () => (await page.request.get(`${imports}/${id}`)).json();
  const complete = expect.objectContaining({ status: 'complete', messages: history.length });
  await expect.poll(status, { timeout: 300_000, intervals: [500] }).toEqual(complete);
}

/** Changes a small detail of the page in each frame, to measure the baseline of an idle page. */
async function redraw({ START, END, ms }: { START: string; END: string; ms: number }): Promise<void> {
  const heading = document.querySelector('h1');
  performance.mark(START);
  const end = performance.now() + ms;
  for (let now = 0; now < end; ) {
    now = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
    if (heading) heading.style.opacity = heading.style.opacity === '1' ? '0.99' : '1';
  }
  performance.mark(END);
}

/** Clicks the link. Returns the time in milliseconds until a frame shows the end of the newest answer. */
function measureClick(link: Element): Promise<number> {
  const start = performance.now();
  (link as HTMLElement).click();
  return new Promise((resolve) => {
    const check = () => {
      const rect = [...document.querySelectorAll('article.answer .block')].at(-1)?.getBoundingClientRect();
      const isVisible = rect !== undefined && rect.bottom > 0 && rect.top < innerHeight;
      if (!isVisible) requestAnimationFrame(check);
      // This task runs after the frame has been painted.
      else requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)));
    };
    check();
  });
}

/** Generates prose, lists and code, split into chunks of four characters. */
function tokens(count: number): string[] {
  const section = (number: number) => `## Part ${number}

The moon **pulls** at the water, and the [sea](https://example.org/${number}) rises twice a day; \`h(t)\` tells how high.

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
  for (let number = 1; text.length < count * 4; number += 1) text += section(number);
  return Array.from({ length: count }, (_, index) => text.slice(index * 4, index * 4 + 4));
}

function median(values: number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function add(name: string, value: number, unit: string, goal: number | null): void {
  figures.push({ case: name, value: Math.round(value * 1000) / 1000, unit, goal });
  const formatted = `${value.toFixed(unit === 's' ? 2 : 0)} ${unit}`;
  const suffix = goal === null ? '' : `   goal: ${goal} ${unit}`;
  process.stdout.write(`  ${name.padEnd(60)}${formatted.padStart(12)}${suffix}\n`);
}
