import type { FileJob } from '../../api/types';
import { Store } from '../store';

/** The files whose analysis has become an answer, by the answer's id. */
export class AnalysedFiles extends Store<ReadonlyMap<string, FileJob>> {
  constructor() {
    super(new Map());
  }

  /** Adds those of the jobs whose analysis is complete. */
  add(jobs: Iterable<FileJob>): void {
    const analysed = new Map(this.value);
    for (const job of jobs) {
      if (job.message_id !== null) analysed.set(job.message_id, job);
    }
    if (analysed.size > this.value.size) this.set(analysed);
  }

  /** Returns the file that an answer is about: the answer or another version of it is the file's analysis. */
  ofAnswer(answer: { versions: readonly string[] } | undefined): FileJob | undefined {
    const analysis = answer?.versions.find((id) => this.value.has(id));
    return analysis === undefined ? undefined : this.value.get(analysis);
  }
}

/** Whether this is the question that the server stores with the analysis of a file. The file's card replaces it. */
export function isFileQuestion(question: string, { file_name: name }: FileJob): boolean {
  return question === `Please analyse the file "${name}".`;
}
