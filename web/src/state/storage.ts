/** The browser's storage; `null` if it is blocked. */
export function browserStorage(
  kind: 'localStorage' | 'sessionStorage' = 'localStorage',
): Storage | null {
  try {
    return globalThis[kind];
  } catch {
    return null;
  }
}

/** The storage key of a value of this server. Another server may use another path of the same host. */
export function storageKey(name: string): string {
  const { pathname } = new URL(document.baseURI);
  return pathname.length > 1 ? `webchat.${name}:${pathname}` : `webchat.${name}`;
}

/** The name in a storage key of this server; `null` for other keys. */
export function storageName(key: string): string | null {
  const name = /^webchat\.([^:]+)/.exec(key)?.[1];
  return name !== undefined && storageKey(name) === key ? name : null;
}

/**
 * Named texts in a storage of the browser. All tabs share those in `localStorage`. A text that the storage refuses, because it is full
 * or blocked, is kept in memory until the tab closes.
 */
export class TextStorage {
  /** The texts that could not be stored. */
  readonly #unstored = new Map<string, string>();

  constructor(private readonly storage: Storage | null) {}

  get(name: string): string | null {
    const unstored = this.#unstored.get(name);
    if (unstored !== undefined) return unstored;
    try {
      return this.storage?.getItem(storageKey(name)) ?? null;
    } catch {
      return null;
    }
  }

  /** Returns `false` if the text is in memory only. */
  set(name: string, text: string): boolean {
    try {
      if (this.storage) {
        this.storage.setItem(storageKey(name), text);
        this.#unstored.delete(name);
        return true;
      }
    } catch {
      // The storage is full or blocked.
    }
    this.#unstored.set(name, text);
    return false;
  }

  remove(name: string): void {
    this.#unstored.delete(name);
    try {
      this.storage?.removeItem(storageKey(name));
    } catch {
      // The storage is blocked, so that it has no text to remove.
    }
  }

  /** The names that begin with this prefix. */
  names(prefix: string): string[] {
    const names = new Set([...this.#unstored.keys(), ...this.#storedNames()]);
    return [...names].filter((name) => name.startsWith(prefix));
  }

  #storedNames(): string[] {
    try {
      const { storage } = this;
      const keys = Array.from({ length: storage?.length ?? 0 }, (_, index) => storage?.key(index));
      return keys.map((key) => storageName(key ?? '')).filter((name) => name !== null);
    } catch {
      return [];
    }
  }
}

/** The storage of the page. */
export const pageStorage = new TextStorage(browserStorage());
