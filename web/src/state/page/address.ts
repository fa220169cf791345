/** The path of a new conversation, relative to the page's `base` as the others are. */
export const START_PATH = './';

/** The conversation and the message that a path names; `null` if it names none. */
export function parsePath(path: string): { id: string; position: number | null } | null {
  const [, id, position] = /^c\/([^/#]+)(?:#m(\d+))?$/.exec(path) ?? [];
  if (id === undefined) return null;
  return { id, position: position === undefined ? null : Number(position) };
}

/** The path of a conversation or a message. */
export function pathOf(id: string, position: number | null = null): string {
  return position === null ? `c/${id}` : `c/${id}#m${position}`;
}

/** The path of an address of this page, relative to `base`. */
export function pathInApp(address: string, base: string = document.baseURI): string {
  const { pathname, hash } = new URL(address);
  const { pathname: basePath } = new URL(base);
  return (pathname.startsWith(basePath) ? pathname.slice(basePath.length) : '') + hash;
}
