import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type BrowserContext, chromium } from '@playwright/test';

import config from '../playwright.config.ts';

/** Lighthouse is a separate package, because its installation would delay all tests. */
const LIGHTHOUSE = new URL('../../lighthouse/node_modules/lighthouse/core/index.js', import.meta.url).href;
const CATEGORIES = ['performance', 'accessibility', 'best-practices'] as const;

/** The scores of the categories, from 0 to 100. */
export type Scores = Record<(typeof CATEGORIES)[number], number>;

type Lighthouse = (
  url: string,
  flags: object,
) => Promise<{
  lhr: { categories: Record<string, { score: number | null }>; runtimeError?: object };
}>;

/** Opens a browser that the test and Lighthouse share, with its session. */
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
    const portFile = await readFile(join(profile, 'DevToolsActivePort'), 'utf8');
    await use(context, (url) => runLighthouse(url, Number.parseInt(portFile, 10)));
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/**
 * Scores the page as on a phone: Lighthouse simulates a four times slower CPU and a slow network. Returns
 * `null` if Lighthouse failed to record the page load.
 */
async function runLighthouse(url: string, port: number): Promise<Scores | null> {
  const { default: lighthouse } = (await import(LIGHTHOUSE)) as { default: Lighthouse };
  // Keep the session, which owns the conversation.
  const flags = { port, onlyCategories: CATEGORIES, disableStorageReset: true, logLevel: 'error' };
  const { lhr } = await lighthouse(url, flags);
  // On a busy machine, the start of the page load is sometimes missing in the recording.
  if (lhr.runtimeError) return null;
  const score = (name: string) => Math.round((lhr.categories[name]?.score ?? Number.NaN) * 100);
  return Object.fromEntries(CATEGORIES.map((name) => [name, score(name)])) as Scores;
}
