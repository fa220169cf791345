/**
 * Moves the focus among the links of a list on Arrow up, Arrow down, Home and End. Returns `false` for other
 * keys, and with a modifier.
 */
export function moveFocusInList(
  event: KeyboardEvent,
  listSelector: string,
  linkSelector: string,
): boolean {
  if (event.altKey || event.ctrlKey || event.metaKey) return false;
  const items = [
    ...((event.currentTarget as Element)
      .closest(listSelector)
      ?.querySelectorAll<HTMLElement>(linkSelector) ?? []),
  ];
  const index = items.indexOf(event.currentTarget as HTMLElement);
  const targets: Record<string, number> = {
    ArrowDown: index + 1,
    ArrowUp: index - 1,
    Home: 0,
    End: items.length - 1,
  };
  const next = targets[event.key];
  if (next === undefined) return false;
  items[next]?.focus();
  return true;
}

/** Returns `false` for clicks that the browser opens in another tab or window. */
export function isPlainClick(event: MouseEvent): boolean {
  return !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
}
