let region: HTMLElement | undefined;

/** Announces a short message to screen readers, politely. */
export function announce(text: string): void {
  region ??= createRegion();
  // The same text again would not be announced.
  region.replaceChildren();
  requestAnimationFrame(() => region?.replaceChildren(text));
}

function createRegion(): HTMLElement {
  const element = document.createElement('div');
  element.className = 'visually-hidden';
  element.setAttribute('role', 'status');
  document.body.append(element);
  return element;
}
