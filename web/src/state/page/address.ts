/** The conversation and the message that a path names; `null` if it names none. */
export function parsePath(path: string): { id: string; position: number | null } | null {
  const [, id, position] = /^\/c\/([^/#]+)(?:#m(\d+))?$/.exec(path) ?? [];
  if (id === undefined) return null;
  return { id, position: position === undefined ? null : Number(position) };
}

export function pathOf(id: string, position: number | null = null): string {
  return position === null ? `/c/${id}` : `/c/${id}#m${position}`;
}
