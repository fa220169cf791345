import type { ImportJob } from '../../api/types';
import { Store } from '../store';

export interface ImportState {
  phase: 'idle' | 'sending' | 'running' | 'complete' | 'failed';
  fileName: string;
  /** The number of conversations processed so far. */
  done: number;
  /** The number of conversations in the file; 0 until it is known. */
  total: number;
  imported: number;
  /** The number of conversations in the file that existed before the import. */
  alreadyThere: number;
  /** The number of conversations that existed and got new messages. */
  addedTo: number;
  leftOut: number;
  /** The first entries that were left out, each in a sentence. */
  firstLeftOut: string[];
  problem: string | null;
}

const IDLE: ImportState = {
  phase: 'idle',
  fileName: '',
  done: 0,
  total: 0,
  imported: 0,
  alreadyThere: 0,
  addedTo: 0,
  leftOut: 0,
  firstLeftOut: [],
  problem: null,
};

const POLL_INTERVAL_MS = 400;

interface ImportApi {
  startImport(file: File): Promise<ImportJob>;
  importJob(id: string): Promise<ImportJob>;
}

/** Imports conversations from a file. The import continues when its dialog is closed. */
export class Imports {
  readonly state = new Store<ImportState>(IDLE);

  constructor(
    private readonly api: ImportApi,
    private readonly onend: (state: ImportState) => void,
    private readonly pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
  ) {}

  get isRunning(): boolean {
    return ['sending', 'running'].includes(this.state.value.phase);
  }

  async start(file: File): Promise<void> {
    if (this.isRunning) return;
    this.state.set({ ...IDLE, phase: 'sending', fileName: file.name });
    try {
      let job = await this.api.startImport(file);
      while (job.status === 'running') {
        this.#apply(job);
        await this.pause(POLL_INTERVAL_MS);
        job = await this.api.importJob(job.import_id);
      }
      this.#apply(job);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      this.state.update((state) => ({ ...state, phase: 'failed', problem }));
    }
    this.onend(this.state.value);
  }

  #apply(job: ImportJob): void {
    const { status: phase, done, of: total, imported, error } = job;
    this.state.update((state) => ({
      ...state,
      phase,
      done,
      total,
      imported,
      alreadyThere: job.already_there,
      addedTo: job.added_to,
      leftOut: job.left_out,
      firstLeftOut: job.first_left_out.map(describeLeftOut),
      problem: error?.message ?? null,
    }));
  }
}

function describeLeftOut(entry: ImportJob['first_left_out'][number]): string {
  const place = entry.position > 0 ? `Conversation ${entry.position}` : 'File';
  return `${entry.title ?? place}: ${entry.reason}.`;
}

/** Describes the result of an import in sentences. */
export function importSummary({ imported, alreadyThere, addedTo, leftOut }: ImportState): string {
  const result =
    imported === 1 ? 'Imported one conversation.' : `Imported ${imported} conversations.`;
  const sentences = [result];
  if (addedTo > 0) sentences.push(`${addedTo === 1 ? 'One' : addedTo} got new messages.`);
  if (alreadyThere > 0) {
    sentences.push(`${alreadyThere === 1 ? 'One' : alreadyThere} already existed.`);
  }
  if (leftOut > 0) {
    sentences.push(`Left out: ${leftOut}.`);
  }
  return sentences.join(' ');
}
