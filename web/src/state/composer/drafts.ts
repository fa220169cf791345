import { storageKey } from '../storage';

/** The unsent texts of the conversations. They survive a reload. */
export class Drafts {
  readonly #storage: Storage | null;

  constructor(storage: Storage | null) {
    this.#storage = storage;
  }

  read(conversationId: string | null): string {
    try {
      return this.#storage?.getItem(key(conversationId)) ?? '';
    } catch {
      return '';
    }
  }

  write(conversationId: string | null, text: string): void {
    try {
      if (text === '') this.#storage?.removeItem(key(conversationId));
      else this.#storage?.setItem(key(conversationId), text);
    } catch {
      // The storage is full or blocked: the text is still in the composer.
    }
  }
}

function key(conversationId: string | null): string {
  return storageKey(`draft.${conversationId ?? 'new'}`);
}
