import type { FileApi } from '../../api/file-api';
import { ApiError, errorCode, errorMessage } from '../../api/http';
import type { FileJob, FileProgress } from '../../api/types';
import { Store } from '../store';
import { AnalysedFiles } from './analysed-files';
import { attachmentWords as words } from '../../words/files';
import { newClientMessageId } from './client-message-id';

/** A file that is being uploaded or analysed. */
export interface Attachment {
  /** A local id. */
  key: string;
  /** The conversation; the key of the new chat while it has none. */
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
  /** Whether the same upload or analysis may succeed later. */
  isRetryable: boolean;
  /** What the user asked the analysis for, if it was started here. */
  instructions?: string | undefined;
}

/** The files of conversations that are being uploaded or analysed, until they become messages. */
export class Files {
  readonly items = new Store<readonly Attachment[]>([]);
  readonly analysed = new AnalysedFiles();
  /** Called with the key of a new chat when its files wait for the conversation again. */
  onconversationneeded: (startKey: string) => void = () => {};
  /** The files, kept for retries of the upload. */
  readonly #files = new Map<string, File>();
  readonly #abortControllers = new Map<string, AbortController>();
  /** The uploads run one at a time: parallel ones would only share the bandwidth. */
  #queue: Promise<void> = Promise.resolve();
  /** The keys of new chats, whose files wait for the conversation. */
  readonly #newChats = new Set<string>();
  /** The uploads that failed because the server could not be reached. */
  readonly #unreached = new Set<string>();
  /** The latest progress of jobs that may be that of the running upload, by job id. */
  readonly #unclaimed = new Map<string, { conversationId: string; job: FileProgress }>();

  constructor(private readonly api: FileApi) {}

  forConversation(conversationId: string | null): Attachment[] {
    return this.items.value.filter((item) => item.conversationId === conversationId);
  }

  add(conversationId: string, files: readonly File[]): void {
    for (const file of files) {
      const key = newClientMessageId();
      this.#files.set(key, file);
      this.items.update((items) => [...items, newAttachment(key, conversationId, file)]);
      if (!this.#newChats.has(conversationId)) this.#enqueue(key);
    }
  }

  /** Adds files to a new chat. They are uploaded when its conversation exists. */
  addToNewChat(startKey: string, files: readonly File[]): void {
    this.#newChats.add(startKey);
    this.add(startKey, files);
  }

  /** The keys of the new chats with files that wait for the conversation. */
  startKeys(): string[] {
    const keys = this.items.value.map(({ conversationId }) => conversationId);
    return [...new Set(keys)].filter((key) => this.#newChats.has(key));
  }

  /** Moves the files of a new chat to the conversation that was created for it, and uploads them. */
  assign(startKey: string, conversationId: string): void {
    if (!this.#newChats.delete(startKey)) return;
    for (const { key } of this.forConversation(startKey)) {
      this.#change(key, { conversationId });
      if (this.#find(key)?.phase === 'waiting') this.#enqueue(key);
    }
  }

  /** Rejects the files of a new chat whose conversation can't be created. */
  rejectNewChat(startKey: string, reason: string): void {
    for (const { key } of this.forConversation(startKey)) {
      this.#change(key, { phase: 'rejected', reason, isRetryable: true });
    }
  }

  /** Uploads the files again that did not reach the server. */
  retryUnreached(): void {
    for (const key of this.#unreached) void this.retry(key);
    this.#unreached.clear();
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
    const item = this.#ofJob(job.job_id);
    const isUploading = this.forConversation(conversationId).some(
      ({ phase }) => phase === 'sending',
    );
    if (!item && isUploading) this.#unclaimed.set(job.job_id, { conversationId, job });
    else this.#showProgress(conversationId, job, item);
  }

  #showProgress(conversationId: string, job: FileProgress, item: Attachment | undefined): void {
    if (job.status === 'complete' || job.status === 'cancelled') {
      if (item) this.#remove(item.key);
      return;
    }
    const changes = {
      // The server may have changed the name: keep the one that the user knows.
      name: item?.name ?? job.file_name,
      phase: job.status,
      done: job.done,
      total: job.of,
      jobId: job.job_id,
      reason: job.error?.message ?? null,
      isRetryable: job.status === 'failed',
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
      if (this.#newChats.has(item.conversationId)) this.onconversationneeded(item.conversationId);
      else this.#enqueue(key);
      return;
    }
    this.#change(key, { phase: 'running', reason: null });
    try {
      // The response is ignored: events report the progress, and may even arrive before it.
      await this.api.retry(item.conversationId, item.jobId, item.instructions);
    } catch (error) {
      this.#change(key, { phase: 'failed', reason: errorMessage(error), isRetryable: true });
    }
  }

  /**
   * Analyses a file again whose analysis is an answer. The new analysis becomes another version of the answer, or of
   * the question if no version of it asks for this.
   */
  async analyseAgain(job: FileJob, instructions?: string): Promise<void> {
    await this.retry(this.#showRunning(job, instructions));
  }

  /** Analyses a file again, and throws if the server refuses: then nothing changes. */
  async analyseFor(job: FileJob, instructions: string): Promise<void> {
    const former = this.#ofJob(job.job_id);
    const key = this.#showRunning(job, instructions);
    try {
      // The response is ignored as that of other retries.
      await this.api.retry(job.conversation_id, job.job_id, instructions);
    } catch (error) {
      if (former) this.#put(former);
      else this.#remove(key);
      throw error;
    }
  }

  /** Shows the analysis as running. Returns the key of its attachment. */
  #showRunning(job: FileJob, instructions: string | undefined): string {
    const running = { ...job, status: 'running', done: 0, error: null } as const;
    this.#showProgress(job.conversation_id, running, this.#ofJob(job.job_id));
    const key = this.#ofJob(job.job_id)?.key ?? '';
    this.#change(key, { instructions });
    return key;
  }

  #ofJob(id: string): Attachment | undefined {
    return this.items.value.find(({ jobId }) => jobId === id);
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
      const { conversationId } = item;
      // The key makes the upload idempotent: its response may be lost.
      const upload = this.api.upload(conversationId, file, key, onprogress, controller.signal);
      this.#applyUploaded(key, await upload);
    } catch (error) {
      this.#applyFailure(key, error);
    } finally {
      this.#abortControllers.delete(key);
      this.#releaseUnclaimed();
    }
  }

  /** Shows the job of an uploaded file. Events may have reported its progress before the response. */
  #applyUploaded(key: string, uploaded: FileJob): void {
    const job = this.#unclaimed.get(uploaded.job_id)?.job ?? uploaded;
    this.#unclaimed.delete(uploaded.job_id);
    const item = this.#find(key);
    const shown = this.#ofJob(uploaded.job_id);
    if (!item) void this.#cancelJob(uploaded);
    else if (shown) this.#remove(key);
    else this.#showProgress(item.conversationId, job, item);
  }

  #applyFailure(key: string, error: unknown): void {
    const isRetryable = error instanceof ApiError && error.isTransient;
    const isUnreached = errorCode(error) === 'offline';
    if (isUnreached && this.#find(key)) this.#unreached.add(key);
    const reason = isUnreached ? words.waitsForConnection() : errorMessage(error);
    this.#change(key, { phase: 'rejected', reason, isRetryable });
  }

  /** Shows the jobs that turned out to be other tabs' uploads. */
  #releaseUnclaimed(): void {
    const unclaimed = [...this.#unclaimed.values()];
    this.#unclaimed.clear();
    for (const { conversationId, job } of unclaimed) this.applyProgress(conversationId, job);
  }

  /** Cancels the job of a file that the user cancelled after the server had received it. */
  async #cancelJob(job: FileJob): Promise<void> {
    await this.api.cancel(job.conversation_id, job.job_id).catch(() => {});
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
    isRetryable: false,
  };
}
