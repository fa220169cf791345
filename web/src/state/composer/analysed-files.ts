import type { FileJob } from '../../api/types';
import { Store } from '../store';
import type { ThreadMessage } from '../thread/thread-message';

/** The messages of a conversation that are loaded. */
interface LoadedThread {
  find(id: string): ThreadMessage | undefined;
  answerTo(questionId: string): ThreadMessage | undefined;
}

/** The files whose analysis has become an answer, by their ids. */
export class AnalysedFiles extends Store<ReadonlyMap<string, FileJob>> {
  constructor() {
    super(new Map());
  }

  /** Adds those of the jobs that have an analysis, and replaces their former states. */
  add(jobs: Iterable<FileJob>): void {
    const analysed = [...jobs].filter(({ message_id: id }) => id !== null);
    if (analysed.length === 0) return;
    this.update(
      (known) => new Map([...known, ...analysed.map((job) => [job.job_id, job] as const)]),
    );
  }

  /**
   * Returns the file that a question or an answer is about. All versions of a question about a file are about that
   * file, and so are their answers; the job knows only the newest ones.
   */
  about(message: ThreadMessage, thread: LoadedThread): FileJob | undefined {
    if (this.value.size === 0) return undefined;
    const isQuestion = message.role === 'user';
    const question = isQuestion ? message : thread.find(message.parentId ?? '');
    const answer = isQuestion ? thread.answerTo(message.id) : message;
    return [...this.value.values()].find(
      (job) => isQuestionAbout(question, job) || isVersion(answer, job.message_id),
    );
  }
}

/** Returns what the user asks the analysis for; `null` if the server does not store such a question for the file. */
export function instructionsOf(question: string, { file_name: name }: FileJob): string | null {
  const line = `Please analyse the file "${name}".`;
  if (question === line) return '';
  return question.startsWith(`${line}\n\n`) ? question.slice(line.length + 2) : null;
}

/** An older server may have let the user turn a version into another question. */
function isQuestionAbout(question: ThreadMessage | undefined, job: FileJob): boolean {
  if (!question || !isVersion(question, job.question_id)) return false;
  return instructionsOf(question.content, job) !== null;
}

function isVersion(message: ThreadMessage | undefined, id: string | null | undefined): boolean {
  return typeof id === 'string' && message !== undefined && message.versions.includes(id);
}
