import type { Browser, Page } from '@playwright/test';

/**
 * What the page itself costs, whatever else the machine does: times are the main thread's own, as the
 * browser's trace has them. Gaps between animation frames would say more of a loaded machine than of
 * the page, and a browser without a screen keeps no steady beat even where nothing is shown.
 */
export interface Cost {
  /** Seconds of the page's main thread. */
  busy: number;
  /**
   * How many more frames could have been shown in the time that the work between two frames takes. It
   * is an upper bound: where the machine holds up the browser, more comes between two frames.
   */
  overrun: number;
  /** What the browser itself calls dropped and to be seen, with all that the machine adds to it. */
  missed: number;
}

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds of the clock; `dur` and `tdur` how long it took, by the clock and by the thread. */
  ts: number;
  dur?: number;
  tdur?: number;
  args: { frame_reporter?: { state: string; affects_smoothness: boolean } };
}

const CATEGORIES = [
  'disabled-by-default-devtools.timeline',
  'disabled-by-default-devtools.timeline.frame',
  'devtools.timeline',
  'blink.user_timing',
];
const FRAME_US = 1_000_000 / 60;

export const BEGIN = 'measured from here';
export const END = 'measured to here';

/** Measures what happens in the page from its mark `BEGIN` to its mark `END`, which `act` sees to. */
export async function costOf(browser: Browser, page: Page, act: () => Promise<void>): Promise<Cost> {
  await browser.startTracing(page, { categories: CATEGORIES });
  await act();
  const { traceEvents } = JSON.parse(String(await browser.stopTracing()));
  return costIn(traceEvents as TraceEvent[]);
}

function costIn(events: TraceEvent[]): Cost {
  const begin = events.find(({ name }) => name === BEGIN);
  const end = events.find(({ name }) => name === END);
  if (!begin || !end) throw new Error('the page has not said when it began and ended');
  const measured = events.filter(({ ts }) => ts >= begin.ts && ts <= end.ts);
  const own = measured.filter(({ pid, tid }) => pid === begin.pid && tid === begin.tid);
  const tasks = own.filter(({ name }) => name === 'RunTask').toSorted((one, other) => one.ts - other.ts);
  const frames = own.filter(({ name }) => name === 'Commit').map(({ ts }) => ts);
  const works = workOfFrames(tasks, frames);
  return {
    busy: works.reduce((sum, work) => sum + work, 0) / 1e6,
    overrun: works.reduce((sum, work) => sum + Math.floor(work / FRAME_US), 0),
    missed: measured.filter(isMissed).length,
  };
}

/** What the main thread does up to each frame, in its own microseconds. */
function workOfFrames(tasks: TraceEvent[], frames: number[]): number[] {
  const works = [0];
  for (const { ts, dur = 0, tdur = 0 } of tasks) {
    works.push((works.pop() ?? 0) + tdur);
    if (frames.some((frame) => frame >= ts && frame <= ts + dur)) works.push(0);
  }
  return works;
}

function isMissed({ ph, args }: TraceEvent): boolean {
  const { frame_reporter: frame } = args;
  return ph === 'b' && frame?.state === 'STATE_DROPPED' && frame.affects_smoothness;
}
