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
  problem: string | null;
}

const IDLE: ImportState = {
  phase: 'idle',
  fileName: '',
  done: 0,
  total: 0,
  imported: 0,
  alreadyThere: 0,
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

  #apply({ status: phase, done, of, imported, already_there, error }: ImportJob): void {
    const changes = { phase, done, total: of, imported, alreadyThere: already_there };
    this.state.update((state) => ({ ...state, ...changes, problem: error?.message ?? null }));
  }
}

/** Describes the result of an import in a sentence. */
export function importSummary({ imported, alreadyThere }: ImportState): string {
  const result =
    imported === 1 ? 'Imported one conversation.' : `Imported ${imported} conversations.`;
  if (alreadyThere === 0) return result;
  return `${result} ${alreadyThere === 1 ? 'One' : alreadyThere} already existed.`;
}
