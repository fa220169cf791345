import type { Browser, Page } from '@playwright/test';

/**
 * The cost of the page: main-thread times from the browser's trace, which are independent of other load on the
 * machine. The intervals between animation frames would measure that load, and a headless browser has no steady
 * frame rate even when idle.
 */
export interface Cost {
  /** The CPU time of the main thread. */
  mainThreadSeconds: number;
  /**
   * The number of additional frames that would fit into the work between frames. This is an upper bound: on a
   * loaded machine, more work is done between two frames.
   */
  overrunFrames: number;
  /** The number of visible frames that the browser reports as dropped, including those due to other load. */
  droppedFrames: number;
}

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** The time in microseconds. `dur` is the wall-clock duration, `tdur` the CPU time of the thread. */
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

export const START = 'measurement starts';
export const END = 'measurement ends';

/** Measures the page between its marks `START` and `END`, which `action` must set. */
export async function measureCost(browser: Browser, page: Page, action: () => Promise<void>): Promise<Cost> {
  await browser.startTracing(page, { categories: CATEGORIES });
  await action();
  const { traceEvents } = JSON.parse(String(await browser.stopTracing()));
  return costFrom(traceEvents as TraceEvent[]);
}

function costFrom(events: TraceEvent[]): Cost {
  const start = events.find(({ name }) => name === START);
  const end = events.find(({ name }) => name === END);
  if (!start || !end) throw new Error('the page did not set both marks');
  const measured = events.filter(({ ts }) => ts >= start.ts && ts <= end.ts);
  const mainThread = measured.filter(({ pid, tid }) => pid === start.pid && tid === start.tid);
  const tasks = mainThread.filter(({ name }) => name === 'RunTask').toSorted((left, right) => left.ts - right.ts);
  const frames = mainThread.filter(({ name }) => name === 'Commit').map(({ ts }) => ts);
  const work = workPerFrame(tasks, frames);
  return {
    mainThreadSeconds: work.reduce((sum, us) => sum + us, 0) / 1e6,
    overrunFrames: work.reduce((sum, us) => sum + Math.floor(us / FRAME_US), 0),
    droppedFrames: measured.filter(isDroppedFrame).length,
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

function isDroppedFrame({ ph, args }: TraceEvent): boolean {
  const { frame_reporter: frame } = args;
  return ph === 'b' && frame?.state === 'STATE_DROPPED' && frame.affects_smoothness;
}
