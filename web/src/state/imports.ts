import type { ImportJob } from '../protocol';
import { Store } from './store';

export interface ImportState {
  phase: 'idle' | 'sending' | 'running' | 'complete' | 'failed';
  fileName: string;
  done: number;
  of: number;
  problem: string | null;
}

const IDLE: ImportState = { phase: 'idle', fileName: '', done: 0, of: 0, problem: null };

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

  #show({ status, done, of, error }: ImportJob): void {
    const phase = status === 'cancelled' ? 'failed' : status;
    const problem = error?.message ?? (status === 'cancelled' ? 'It was cancelled.' : null);
    this.state.update((state) => ({ ...state, phase, done, of, problem }));
  }
}
