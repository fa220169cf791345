import { storageKey } from '../storage';
import { Store } from '../store';

/** An answer is being generated in the conversation, or has arrived there unseen. */
export type AnswerMark = 'running' | 'unread';

const PREFIX = storageKey('answer.');
/** The stored value of an unread answer that a notification has announced. */
const ANNOUNCED = 'unread announced';

/**
 * The marks of conversations, by id. All tabs share them through the browser's storage. Each mark has its own key, so
 * that tabs don't overwrite each other's.
 */
export class AnswerMarks extends Store<ReadonlyMap<string, AnswerMark>> {
  constructor(private readonly storage: Storage | null) {
    super(readAll(storage));
  }

  get(id: string): AnswerMark | undefined {
    return this.value.get(id);
  }

  mark(id: string, mark: AnswerMark | null): void {
    if (this.get(id) === (mark ?? undefined)) return;
    this.#show(id, mark);
    try {
      if (mark === null) this.storage?.removeItem(PREFIX + id);
      else this.storage?.setItem(PREFIX + id, mark);
    } catch {
      // The storage is full. Other tabs and the next visit lack this mark.
    }
  }

  /** Returns whether the caller may announce the unread answer: only the first caller of all tabs may. */
  claimAnnouncement(id: string): boolean {
    if (this.get(id) !== 'unread') return false;
    if (this.storage === null) return true;
    if (this.storage.getItem(PREFIX + id) !== 'unread') return false;
    this.storage.setItem(PREFIX + id, ANNOUNCED);
    return true;
  }

  /** Takes over a change that another tab made in the storage. */
  handleStorageChange({ key, newValue }: Pick<StorageEvent, 'key' | 'newValue'>): void {
    if (key === null) this.set(new Map());
    else if (key.startsWith(PREFIX)) this.#show(key.slice(PREFIX.length), parse(newValue));
  }

  #show(id: string, mark: AnswerMark | null): void {
    if (this.get(id) === (mark ?? undefined)) return;
    const marks = new Map(this.value);
    if (mark === null) marks.delete(id);
    else marks.set(id, mark);
    this.set(marks);
  }
}

function readAll(storage: Storage | null): Map<string, AnswerMark> {
  const marks = new Map<string, AnswerMark>();
  for (let index = 0; index < (storage?.length ?? 0); index += 1) {
    const key = storage?.key(index) ?? '';
    const mark = key.startsWith(PREFIX) ? parse(storage?.getItem(key) ?? null) : null;
    if (mark !== null) marks.set(key.slice(PREFIX.length), mark);
  }
  return marks;
}

function parse(value: string | null): AnswerMark | null {
  if (value === ANNOUNCED) return 'unread';
  return value === 'running' || value === 'unread' ? value : null;
}
