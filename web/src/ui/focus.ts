/** Focuses the message field, for example when the focused element is removed. */
export function focusComposer(): void {
  document.querySelector<HTMLElement>('#composer')?.focus();
}

/** Focuses the message field or, if there is none, the conversation. */
export function focusConversation(): void {
  document.querySelector<HTMLElement>('#composer, #main:not(:has(#composer))')?.focus();
}
