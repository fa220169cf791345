/** Where the focus goes when what had it is gone. */
export function toComposer(): void {
  document.querySelector<HTMLElement>('#composer')?.focus();
}
