const SHOWN_MS = 1500;

/** Copies the text, and shows on the button that it was done. */
export async function copyText(text: string, button: EventTarget | null): Promise<void> {
  // Without HTTPS the page of another machine has no clipboard of the newer kind.
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copySelected(text);
  if (!(button instanceof HTMLElement)) return;
  const label = button.getAttribute('aria-label') ?? '';
  button.setAttribute('aria-label', 'Copied');
  button.classList.add('copied');
  setTimeout(() => {
    button.setAttribute('aria-label', label);
    button.classList.remove('copied');
  }, SHOWN_MS);
}

function copySelected(text: string): void {
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}
