const FEEDBACK_MS = 1500;

/** Copies the text and labels the button “Copied” for a moment. */
export async function copyText(text: string, button: EventTarget | null): Promise<void> {
  // `navigator.clipboard` exists only in secure contexts, but the page may be served over plain HTTP.
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copyBySelection(text);
  if (!(button instanceof HTMLElement)) return;
  const label = button.getAttribute('aria-label') ?? '';
  button.setAttribute('aria-label', 'Copied');
  button.classList.add('copied');
  setTimeout(() => {
    button.setAttribute('aria-label', label);
    button.classList.remove('copied');
  }, FEEDBACK_MS);
}

function copyBySelection(text: string): void {
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}
