import type { FileApi } from '../../api/file-api';
import { errorMessage } from '../../api/http';
import type { FileJob, FileProgress } from '../../api/types';
import { Store } from '../store';
import { AnalysedFiles } from './analysed-files';
import { newClientMessageId } from './client-message-id';

/** A file that is being uploaded or analysed. */
export interface Attachment {
  /** A local id. */
  key: string;
  conversationId: string;
  name: string;
  phase: 'waiting' | 'sending' | 'running' | 'failed' | 'rejected';
  /** The progress: in bytes during the upload, in parts during the analysis. */
  done: number;
  total: number;
  /** The id of the server's job, once the file is uploaded. */
  jobId: string | null;
  /** Why the upload was rejected or the analysis failed. */
  reason: string | null;
}

/** The files of conversations that are being uploaded or analysed, until they become messages. */
export class Files {
  readonly items = new Store<readonly Attachment[]>([]);
  readonly analysed = new AnalysedFiles();
  /** The files, kept for retries of the upload. */
  readonly #files = new Map<string, File>();
  readonly #abortControllers = new Map<string, AbortController>();
  /** The uploads run one at a time: parallel ones would only share the bandwidth. */
  #queue: Promise<void> = Promise.resolve();

  constructor(private readonly api: FileApi) {}

  forConversation(conversationId: string | null): Attachment[] {
    return this.items.value.filter((item) => item.conversationId === conversationId);
  }

  add(conversationId: string, files: readonly File[]): void {
    for (const file of files) {
      const key = newClientMessageId();
      this.#files.set(key, file);
      this.items.update((items) => [...items, newAttachment(key, conversationId, file)]);
      this.#enqueue(key);
    }
  }

  /** Loads the running and failed jobs of the conversation, also those from before this page was loaded. */
  async load(conversationId: string): Promise<void> {
    const existing = this.forConversation(conversationId).filter(({ jobId }) => jobId !== null);
    try {
      const jobs = new Map((await this.api.list(conversationId)).map((job) => [job.job_id, job]));
      this.analysed.add(jobs.values());
      for (const { key, jobId } of existing)
        if (!isUnfinished(jobs.get(jobId ?? ''))) this.#remove(key);
      for (const job of [...jobs.values()].toReversed()) {
        if (isUnfinished(job)) this.applyProgress(conversationId, job);
      }
    } catch {
      // Running jobs will appear with their next event.
    }
  }

  applyProgress(conversationId: string, job: FileProgress): void {
    const item = this.#findByJob(conversationId, job);
    if (job.status === 'complete' || job.status === 'cancelled') {
      if (item) this.#remove(item.key);
      return;
    }
    const changes = {
      name: job.file_name,
      phase: job.status,
      done: job.done,
      total: job.of,
      jobId: job.job_id,
      reason: job.error?.message ?? null,
    };
    const existing = item ?? { key: job.job_id, conversationId };
    this.#put({ ...existing, ...changes });
  }

  /** Cancels the upload or the analysis, or removes a file that failed. */
  async cancel(key: string): Promise<void> {
    const item = this.#find(key);
    this.#abortControllers.get(key)?.abort();
    this.#remove(key);
    if (!item || item.jobId === null) return;
    // The job may have ended in the meantime.
    await this.api.cancel(item.conversationId, item.jobId).catch(() => {});
  }

  async retry(key: string): Promise<void> {
    const item = this.#find(key);
    if (!item) return;
    if (item.jobId === null) {
      this.#change(key, { phase: 'waiting', done: 0, reason: null });
      this.#enqueue(key);
      return;
    }
    this.#change(key, { phase: 'running', reason: null });
    try {
      // The response is ignored: events report the progress, and may even arrive before it.
      await this.api.retry(item.conversationId, item.jobId);
    } catch (error) {
      this.#change(key, { phase: 'failed', reason: errorMessage(error) });
    }
  }

  #enqueue(key: string): void {
    this.#queue = this.#queue.then(() => this.#send(key));
  }

  async #send(key: string): Promise<void> {
    const item = this.#find(key);
    const file = this.#files.get(key);
    if (!item || !file) return;
    const controller = new AbortController();
    this.#abortControllers.set(key, controller);
    this.#change(key, { phase: 'sending', total: file.size });
    try {
      const onprogress = (done: number) => this.#change(key, { done: Math.min(done, file.size) });
      this.#applyUploaded(
        key,
        await this.api.upload(item.conversationId, file, onprogress, controller.signal),
      );
    } catch (error) {
      this.#change(key, { phase: 'rejected', reason: errorMessage(error) });
    } finally {
      this.#abortControllers.delete(key);
    }
  }

  /** Shows the job of an uploaded file, unless an event has reported it before the response. */
  #applyUploaded(key: string, job: FileJob): void {
    const item = this.#find(key);
    if (!item) void this.#cancelJob(job);
    else if (item.jobId === null) this.applyProgress(job.conversation_id, job);
  }

  /** Cancels the job of a file that the user cancelled after the server had received it. */
  async #cancelJob(job: FileJob): Promise<void> {
    await this.api.cancel(job.conversation_id, job.job_id).catch(() => {});
  }

  /** Finds the attachment of this job or, if it has none yet, the one with this name that is being uploaded. */
  #findByJob(conversationId: string, job: FileProgress): Attachment | undefined {
    const items = this.forConversation(conversationId);
    return (
      items.find(({ jobId }) => jobId === job.job_id) ??
      items.find(({ phase, name }) => phase === 'sending' && name === job.file_name)
    );
  }

  #find(key: string): Attachment | undefined {
    return this.items.value.find((item) => item.key === key);
  }

  #change(key: string, changes: Partial<Attachment>): void {
    const item = this.#find(key);
    if (item) this.#put({ ...item, ...changes });
  }

  #put(changed: Attachment): void {
    this.items.update((items) => {
      const index = items.findIndex(({ key }) => key === changed.key);
      return index < 0 ? [...items, changed] : items.with(index, changed);
    });
  }

  #remove(key: string): void {
    this.#files.delete(key);
    this.items.update((items) => items.filter((item) => item.key !== key));
  }
}

/** Whether the job is still running, or has failed and can be retried. */
function isUnfinished(job: FileJob | undefined): job is FileJob {
  return job?.status === 'running' || job?.status === 'failed';
}

function newAttachment(key: string, conversationId: string, file: File): Attachment {
  return {
    key,
    conversationId,
    name: file.name,
    phase: 'waiting',
    done: 0,
    total: file.size,
    jobId: null,
    reason: null,
  };
}
