import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type BrowserContext, chromium } from '@playwright/test';

import config from './playwright.config.ts';

/** A package of its own beside this one: as a part of this one all tests would wait for it. */
const LIGHTHOUSE = new URL('../lighthouse/node_modules/lighthouse/core/index.js', import.meta.url).href;
const CATEGORIES = ['performance', 'accessibility', 'best-practices'] as const;

/** Scores from 0 to 100. */
export type Scores = Record<(typeof CATEGORIES)[number], number>;

type Lighthouse = (
  url: string,
  flags: object,
) => Promise<{
  lhr: { categories: Record<string, { score: number | null }>; runtimeError?: object };
}>;

/** A browser whose pages Lighthouse can open too, as who the test is. */
export async function withBrowser(
  use: (context: BrowserContext, scores: (url: string) => Promise<Scores | null>) => Promise<void>,
): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'webchat-lighthouse-'));
  const options = config.use?.launchOptions;
  const context = await chromium.launchPersistentContext(profile, {
    ...options,
    args: [...(options?.args ?? []), '--remote-debugging-port=0'],
  });
  try {
    const told = await readFile(join(profile, 'DevToolsActivePort'), 'utf8');
    await use(context, (url) => scoresOf(url, Number.parseInt(told, 10)));
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/**
 * As for a phone: Lighthouse reckons what four times the time and a slow network would make of it.
 * `null` where it could not see the page load.
 */
async function scoresOf(url: string, port: number): Promise<Scores | null> {
  const { default: lighthouse } = (await import(LIGHTHOUSE)) as { default: Lighthouse };
  // The session stays: it says whose conversation it is.
  const flags = { port, onlyCategories: CATEGORIES, disableStorageReset: true, logLevel: 'error' };
  const { lhr } = await lighthouse(url, flags);
  // Its own record of the page has no beginning now and then, where the machine is busy.
  if (lhr.runtimeError) return null;
  const score = (name: string) => Math.round((lhr.categories[name]?.score ?? Number.NaN) * 100);
  return Object.fromEntries(CATEGORIES.map((name) => [name, score(name)])) as Scores;
}
