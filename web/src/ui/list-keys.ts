/** Moves the focus up or down among the links of a list; `false` for any other key. */
export function besideInList(event: KeyboardEvent, list: string, links: string): boolean {
  if (event.altKey || event.ctrlKey || event.metaKey) return false;
  const all = [
    ...((event.currentTarget as Element).closest(list)?.querySelectorAll<HTMLElement>(links) ?? []),
  ];
  const at = all.indexOf(event.currentTarget as HTMLElement);
  const to: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    Home: 0,
    End: all.length - 1,
  };
  const next = to[event.key];
  if (next === undefined) return false;
  all[next]?.focus();
  return true;
}

/** A click that opens another tab or window is the browser's. */
export function isPlainClick(event: MouseEvent): boolean {
  return !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
}
