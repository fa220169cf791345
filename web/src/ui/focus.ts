/** Moves the focus to the message field, as when the focused element is removed. */
export function focusComposer(): void {
  document.querySelector<HTMLElement>('#composer')?.focus();
}
