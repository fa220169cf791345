/**
 * Moves the focus among the links of a list when the user presses Arrow up, Arrow down, Home or End. Returns
 * `false` for other keys, and for keys with a modifier.
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

/** Whether the click opens the link in this tab, and not in another tab or window. */
export function isPlainClick(event: MouseEvent): boolean {
  return !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
}
