/** The path of a new chat. Like all paths here, it is relative to the page's `base`. */
export const START_PATH = './';

/** Parses the conversation id and the message position in a path; `null` for other paths. */
export function parsePath(path: string): { id: string; position: number | null } | null {
  const [, id, position] = /^c\/([^/#]+)(?:#m(\d+))?$/.exec(path) ?? [];
  if (id === undefined) return null;
  return { id, position: position === undefined ? null : Number(position) };
}

/** The path of a conversation or a message. */
export function pathOf(id: string, position: number | null = null): string {
  return position === null ? `c/${id}` : `c/${id}#m${position}`;
}

/** Converts an address of this page to a path relative to `base`. */
export function pathInApp(address: string, base: string = document.baseURI): string {
  const { pathname, hash } = new URL(address);
  const { pathname: basePath } = new URL(base);
  return (pathname.startsWith(basePath) ? pathname.slice(basePath.length) : '') + hash;
}

/** The code of a failed sign-in in an address of this page. Removes it from the address bar. */
export function takeSignInError(
  address: string,
  history: Pick<History, 'replaceState'>,
): string | null {
  const url = new URL(address);
  const code = url.searchParams.get('sign_in_error');
  if (code === null) return null;
  url.searchParams.delete('sign_in_error');
  history.replaceState(null, '', url);
  return code;
}
