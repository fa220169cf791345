/** The browser's storage; `null` if it is blocked. */
export function browserStorage(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

/** The storage key of a value of this server. Another server may use another path of the same host. */
export function storageKey(name: string): string {
  const { pathname } = new URL(document.baseURI);
  return pathname.length > 1 ? `webchat.${name}:${pathname}` : `webchat.${name}`;
}
