import type { FileApi } from '../../api/file-api';
import type { FileJob, FileProgress } from '../../api/types';
import { newClientMessageId } from './client-message-id';
import { Store } from '../store';

export interface Attachment {
  /** A name of this browser's. */
  key: string;
  conversationId: string;
  name: string;
  phase: 'waiting' | 'sending' | 'running' | 'failed' | 'refused';
  /** Bytes while it is sent, parts while it is analysed. */
  done: number;
  of: number;
  /** The server's name for it, once it has it. */
  jobId: string | null;
  /** Why it was refused, or failed. */
  reason: string | null;
}

/** The files that are sent to conversations and analysed there, until they are messages. */
export class Files {
  readonly items = new Store<readonly Attachment[]>([]);
  /** What can be sent once more, or stopped. */
  readonly #files = new Map<string, File>();
  readonly #aborts = new Map<string, AbortController>();
  /** One after another: many at once would only share the line, and keep it from all else. */
  #queue: Promise<void> = Promise.resolve();

  constructor(private readonly api: FileApi) {}

  of(conversationId: string | null): Attachment[] {
    return this.items.value.filter((item) => item.conversationId === conversationId);
  }

  add(conversationId: string, files: readonly File[]): void {
    for (const file of files) {
      const key = newClientMessageId();
      this.#files.set(key, file);
      this.items.update((items) => [...items, waiting(key, conversationId, file)]);
      this.#enqueue(key);
    }
  }

  /** What is under way, or has failed, also since before the page was loaded. */
  async read(conversationId: string): Promise<void> {
    const known = this.of(conversationId).filter(({ jobId }) => jobId !== null);
    try {
      const jobs = new Map((await this.api.list(conversationId)).map((job) => [job.job_id, job]));
      for (const { key, jobId } of known) if (!isOpen(jobs.get(jobId ?? ''))) this.#drop(key);
      for (const job of [...jobs.values()].toReversed()) {
        if (isOpen(job)) this.progress(conversationId, job);
      }
    } catch {
      // What is under way shows with the next event of it.
    }
  }

  progress(conversationId: string, job: FileProgress): void {
    const item = this.#itemOf(conversationId, job);
    if (job.status === 'complete' || job.status === 'cancelled') {
      if (item) this.#drop(item.key);
      return;
    }
    const changes = {
      name: job.file_name,
      phase: job.status,
      done: job.done,
      of: job.of,
      jobId: job.job_id,
      reason: job.error?.message ?? null,
    };
    const known = item ?? { key: job.job_id, conversationId };
    this.#put({ ...known, ...changes });
  }

  /** Ends it, or takes away what has ended. */
  async cancel(key: string): Promise<void> {
    const item = this.#find(key);
    this.#aborts.get(key)?.abort();
    this.#drop(key);
    if (!item || item.jobId === null) return;
    // It may have ended meanwhile: then there is nothing to cancel.
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
      // How it goes is told by events, which may be here before the answer: that says nothing new.
      await this.api.retry(item.conversationId, item.jobId);
    } catch (error) {
      this.#change(key, { phase: 'failed', reason: words(error) });
    }
  }

  #enqueue(key: string): void {
    this.#queue = this.#queue.then(() => this.#send(key));
  }

  async #send(key: string): Promise<void> {
    const item = this.#find(key);
    const file = this.#files.get(key);
    if (!item || !file) return;
    const abort = new AbortController();
    this.#aborts.set(key, abort);
    this.#change(key, { phase: 'sending', of: file.size });
    try {
      const onsent = (done: number) => this.#change(key, { done: Math.min(done, file.size) });
      this.#received(key, await this.api.upload(item.conversationId, file, onsent, abort.signal));
    } catch (error) {
      this.#change(key, { phase: 'refused', reason: words(error) });
    } finally {
      this.#aborts.delete(key);
    }
  }

  /** An event may have told of it already. */
  #received(key: string, job: FileJob): void {
    const item = this.#find(key);
    if (!item) void this.cancelled(job);
    else if (item.jobId === null) this.progress(job.conversation_id, job);
  }

  /** It was taken back when the server had it already. */
  private async cancelled(job: FileJob): Promise<void> {
    await this.api.cancel(job.conversation_id, job.job_id).catch(() => {});
  }

  /** The one of this job; or the one that is being sent, whose job this must be. */
  #itemOf(conversationId: string, job: FileProgress): Attachment | undefined {
    const items = this.of(conversationId);
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
      const at = items.findIndex(({ key }) => key === changed.key);
      return at < 0 ? [...items, changed] : items.with(at, changed);
    });
  }

  #drop(key: string): void {
    this.#files.delete(key);
    this.items.update((items) => items.filter((item) => item.key !== key));
  }
}

/** It still asks for something: to be waited for, or to be tried again. */
function isOpen(job: FileJob | undefined): job is FileJob {
  return job?.status === 'running' || job?.status === 'failed';
}

function waiting(key: string, conversationId: string, file: File): Attachment {
  return {
    key,
    conversationId,
    name: file.name,
    phase: 'waiting',
    done: 0,
    of: file.size,
    jobId: null,
    reason: null,
  };
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
