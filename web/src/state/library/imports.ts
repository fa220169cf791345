import type { ImportJob } from '../../api/types';
import { Store } from '../store';

export interface ImportState {
  phase: 'idle' | 'sending' | 'running' | 'complete' | 'failed';
  fileName: string;
  done: number;
  of: number;
  /** What came in, and what was there already. */
  imported: number;
  alreadyThere: number;
  problem: string | null;
}

const IDLE: ImportState = {
  phase: 'idle',
  fileName: '',
  done: 0,
  of: 0,
  imported: 0,
  alreadyThere: 0,
  problem: null,
};

const EVERY_MS = 400;

interface ImportCalls {
  startImport(file: File): Promise<ImportJob>;
  importJob(id: string): Promise<ImportJob>;
}

/** Brings conversations in from a file. It goes on though the dialog is closed. */
export class Imports {
  readonly state = new Store<ImportState>(IDLE);

  constructor(
    private readonly calls: ImportCalls,
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
      let job = await this.calls.startImport(file);
      while (job.status === 'running') {
        this.#show(job);
        await this.pause(EVERY_MS);
        job = await this.calls.importJob(job.import_id);
      }
      this.#show(job);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      this.state.update((state) => ({ ...state, phase: 'failed', problem }));
    }
    this.onend(this.state.value);
  }

  #show({ status: phase, done, of, imported, already_there, error }: ImportJob): void {
    const changes = { phase, done, of, imported, alreadyThere: already_there };
    this.state.update((state) => ({ ...state, ...changes, problem: error?.message ?? null }));
  }
}

/** What became of an import, in words. */
export function outcomeOf({ imported, alreadyThere }: ImportState): string {
  const came = imported === 1 ? 'One conversation came in.' : `${imported} conversations came in.`;
  if (alreadyThere === 0) return came;
  return `${came} ${alreadyThere === 1 ? 'One was' : `${alreadyThere} were`} here already.`;
}
