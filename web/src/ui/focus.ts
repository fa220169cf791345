/** Focuses the message field, for example when the focused element is removed. */
export function focusComposer(): void {
  document.querySelector<HTMLElement>('#composer')?.focus();
}
