import { retryDelay } from '../../api/connection/backoff';
import { ApiError, errorMessage, offlineError, retryTime } from '../../api/http';
import type { ImportJob } from '../../api/types';
import { importResultWords as words } from '../../words/sidebar';
import { Store } from '../store';

export interface ImportState {
  /** `unknown`: the server has stopped reporting the progress, but the import may still be running. */
  phase: 'idle' | 'sending' | 'running' | 'complete' | 'failed' | 'unknown';
  fileName: string;
  /** The number of conversations processed so far. */
  done: number;
  /** The number of conversations in the file; 0 until it is known. */
  total: number;
  /** The number of new conversations. */
  imported: number;
  /** The number of conversations that existed and got new messages. */
  updated: number;
  /** The number of conversations that existed with all their messages. */
  unchanged: number;
  /** The number of conversations, messages and other parts that were left out. */
  leftOut: number;
  /** The reasons, each in a sentence, and a note if there may be more. One may be about several messages or parts. */
  leftOutReasons: readonly string[];
  /** Why the import failed. */
  problem: string | null;
}

const IDLE: ImportState = {
  phase: 'idle',
  fileName: '',
  done: 0,
  total: 0,
  imported: 0,
  updated: 0,
  unchanged: 0,
  leftOut: 0,
  leftOutReasons: [],
  problem: null,
};

/** The maximum number of reasons that the server lists. */
const MAX_REASONS = 100;

const POLL_INTERVAL_MS = 400;

/** How long to wait for the response to a poll. */
const POLL_TIMEOUT_MS = 20_000;

/** How long polls may fail before the outcome counts as unknown. */
export const GIVE_UP_AFTER_MS = 5 * 60_000;

interface ImportApi {
  startImport(file: File): Promise<ImportJob>;
  importJob(id: string): Promise<ImportJob>;
}

/** Imports conversations from a file. The import continues when its dialog is closed. */
export class Imports {
  readonly state = new Store<ImportState>(IDLE);

  /** Calls `onend` with the result of each import. */
  constructor(
    private readonly api: ImportApi,
    private readonly onend: (state: ImportState) => void,
  ) {}

  get isRunning(): boolean {
    return ['sending', 'running'].includes(this.state.value.phase);
  }

  async start(file: File): Promise<void> {
    if (this.isRunning) return;
    this.state.set({ ...IDLE, phase: 'sending', fileName: file.name });
    try {
      const job = await this.api.startImport(file);
      this.#apply(job);
      await this.#pollUntilEnd(job.import_id);
    } catch (error) {
      this.#update({ phase: 'failed', problem: errorMessage(error) });
    }
    this.onend(this.state.value);
  }

  /** Polls the progress until the import ends. A failed poll does not mean that the import has failed. */
  async #pollUntilEnd(id: string): Promise<void> {
    let failures = 0;
    let failingForMs = 0;
    let delayMs = POLL_INTERVAL_MS;
    while (this.isRunning) {
      await sleep(delayMs);
      const polledAt = Date.now();
      try {
        this.#apply(await withTimeout(this.api.importJob(id), POLL_TIMEOUT_MS));
        failures = 0;
        failingForMs = 0;
        delayMs = POLL_INTERVAL_MS;
      } catch (error) {
        // The sum of the waits, not the time since the last response: the computer may have been asleep.
        failingForMs += delayMs + Math.min(Date.now() - polledAt, POLL_TIMEOUT_MS);
        failures += 1;
        delayMs = Math.max(POLL_INTERVAL_MS, retryDelay(failures, retryTime(error)));
        if (!isTransient(error) || failingForMs >= GIVE_UP_AFTER_MS) {
          this.#update({ phase: 'unknown' });
        }
      }
    }
  }

  #apply(job: ImportJob): void {
    this.#update({
      phase: job.status,
      done: job.done,
      total: job.of,
      imported: job.imported,
      updated: job.added_to,
      unchanged: job.already_there,
      leftOut: job.left_out,
      leftOutReasons: leftOutReasons(job),
      problem: job.error?.message ?? null,
    });
  }

  #update(changes: Partial<ImportState>): void {
    this.state.update((state) => ({ ...state, ...changes }));
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Fails if the promise takes too long, for example because the connection was lost without notice. */
async function withTimeout<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(offlineError()), ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function isTransient(error: unknown): boolean {
  return error instanceof ApiError && error.isTransient;
}

function leftOutReasons({ first_left_out }: ImportJob): string[] {
  const reasons = first_left_out.map(({ position, title, reason }) => {
    const subject = title ?? (position > 0 ? words.conversation(position) : words.file());
    return words.reason(subject, reason);
  });
  if (reasons.length === MAX_REASONS) reasons.push(words.onlyFirstListed(MAX_REASONS));
  return reasons;
}

/** Describes the progress or the result of an import, for the user. */
export function describeImport(state: ImportState): string {
  const { phase, fileName, done, total, imported, updated } = state;
  const problem = state.problem ?? '';
  switch (phase) {
    case 'idle':
      return '';
    case 'sending':
      return words.sending(fileName);
    case 'running':
      return total === 0 ? words.reading(fileName) : words.running(fileName, done, total);
    case 'complete':
      return words.complete(fileName, summary(state));
    case 'failed':
      return imported + updated > 0
        ? words.partial(fileName, problem, summary(state))
        : words.failed(fileName, problem);
    case 'unknown':
      return words.unknown(fileName);
  }
}

function summary({ imported, updated, unchanged, leftOut }: ImportState): string {
  const sentences: string[] = [];
  if (imported > 0) sentences.push(words.imported(imported));
  if (updated > 0) sentences.push(words.updated(updated));
  if (unchanged > 0) sentences.push(words.unchanged(unchanged));
  if (leftOut > 0) sentences.push(words.leftOut(leftOut));
  return sentences.length > 0 ? sentences.join(' ') : words.nothing();
}
