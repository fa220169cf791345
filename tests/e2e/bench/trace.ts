import type { Browser, Page } from '@playwright/test';

/**
 * The cost of the page, independent of other load on the machine: main-thread times from the browser's
 * trace. Gaps between animation frames would measure the load of the machine rather than the page, and a
 * headless browser has no steady frame rate even when idle.
 */
export interface Cost {
  /** The main thread's time in seconds. */
  busy: number;
  /**
   * The number of additional frames that would fit into the work between frames. It is an upper bound: on a
   * loaded machine more work comes between two frames.
   */
  overrun: number;
  /** The number of visible frames that the browser reports as dropped, including those due to other load. */
  missed: number;
}

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Wall-clock time in microseconds; `dur` is the wall-clock duration, `tdur` the thread's. */
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

export const BEGIN = 'measurement begins';
export const END = 'measurement ends';

/** Measures the page between its marks `BEGIN` and `END`, which `act` must set. */
export async function costOf(browser: Browser, page: Page, act: () => Promise<void>): Promise<Cost> {
  await browser.startTracing(page, { categories: CATEGORIES });
  await act();
  const { traceEvents } = JSON.parse(String(await browser.stopTracing()));
  return costFrom(traceEvents as TraceEvent[]);
}

function costFrom(events: TraceEvent[]): Cost {
  const begin = events.find(({ name }) => name === BEGIN);
  const end = events.find(({ name }) => name === END);
  if (!begin || !end) throw new Error('the page did not set both marks');
  const measured = events.filter(({ ts }) => ts >= begin.ts && ts <= end.ts);
  const mainThread = measured.filter(({ pid, tid }) => pid === begin.pid && tid === begin.tid);
  const tasks = mainThread.filter(({ name }) => name === 'RunTask').toSorted((one, other) => one.ts - other.ts);
  const frames = mainThread.filter(({ name }) => name === 'Commit').map(({ ts }) => ts);
  const work = workPerFrame(tasks, frames);
  return {
    busy: work.reduce((sum, us) => sum + us, 0) / 1e6,
    overrun: work.reduce((sum, us) => sum + Math.floor(us / FRAME_US), 0),
    missed: measured.filter(isMissed).length,
  };
}

/** The main thread's work before each frame, in microseconds of thread time. */
function workPerFrame(tasks: TraceEvent[], frames: number[]): number[] {
  const work = [0];
  for (const { ts, dur = 0, tdur = 0 } of tasks) {
    work.push((work.pop() ?? 0) + tdur);
    if (frames.some((frame) => frame >= ts && frame <= ts + dur)) work.push(0);
  }
  return work;
}

function isMissed({ ph, args }: TraceEvent): boolean {
  const { frame_reporter: frame } = args;
  return ph === 'b' && frame?.state === 'STATE_DROPPED' && frame.affects_smoothness;
}
