import type { TextStorage } from '../storage';
import { Store } from '../store';

/** An answer is being generated in the conversation, or has arrived there unseen. */
export type AnswerMark = 'running' | 'unread';

const PREFIX = 'answer.';
/** The stored value of an unread answer that a notification has announced. */
const ANNOUNCED = 'unread announced';

/**
 * The marks of conversations, by id. All tabs share them through the browser's storage. Each mark has its own key, so
 * that tabs don't overwrite each other's.
 */
export class AnswerMarks extends Store<ReadonlyMap<string, AnswerMark>> {
  constructor(private readonly storage: TextStorage) {
    super(readAll(storage));
  }

  get(id: string): AnswerMark | undefined {
    return this.value.get(id);
  }

  mark(id: string, mark: AnswerMark | null): void {
    if (this.get(id) === (mark ?? undefined)) return;
    this.#show(id, mark);
    if (mark === null) this.storage.remove(PREFIX + id);
    else this.storage.set(PREFIX + id, mark);
  }

  /** Returns whether the caller may announce the unread answer: only the first caller of all tabs may. */
  claimAnnouncement(id: string): boolean {
    if (this.get(id) !== 'unread') return false;
    if (this.storage.get(PREFIX + id) !== 'unread') return false;
    this.storage.set(PREFIX + id, ANNOUNCED);
    return true;
  }

  /** Takes over a change that another tab made in the storage. */
  handleStorageChange(name: string, value: string | null): void {
    if (name.startsWith(PREFIX)) this.#show(name.slice(PREFIX.length), parse(value));
  }

  /** Another tab has cleared the storage. */
  handleStorageClear(): void {
    this.set(new Map());
  }

  #show(id: string, mark: AnswerMark | null): void {
    if (this.get(id) === (mark ?? undefined)) return;
    const marks = new Map(this.value);
    if (mark === null) marks.delete(id);
    else marks.set(id, mark);
    this.set(marks);
  }
}

function readAll(storage: TextStorage): Map<string, AnswerMark> {
  const marks = new Map<string, AnswerMark>();
  for (const name of storage.names(PREFIX)) {
    const mark = parse(storage.get(name));
    if (mark !== null) marks.set(name.slice(PREFIX.length), mark);
  }
  return marks;
}

function parse(value: string | null): AnswerMark | null {
  if (value === ANNOUNCED) return 'unread';
  return value === 'running' || value === 'unread' ? value : null;
}
