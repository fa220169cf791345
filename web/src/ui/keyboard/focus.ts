/** Focuses the message field, for example when the focused element is removed. */
export function focusComposer(): void {
  document.querySelector<HTMLElement>('#composer')?.focus();
}

/**
 * Focuses the message field or, if there is none, the conversation. So it does on a touch screen, where the focus
 * in the field would open the keyboard.
 */
export function focusConversation(): void {
  const isTouchScreen = !matchMedia('(hover: hover)').matches;
  const field = isTouchScreen ? null : document.querySelector<HTMLElement>('#composer');
  if (field) field.focus();
  else document.querySelector<HTMLElement>('#main')?.focus({ preventScroll: true });
}

/** Focuses an element of `container`, unless the focus has moved on to something outside of it. */
export function focusIfLost(container: Element, selector: string): void {
  const active = document.activeElement;
  const isLost = active === null || active === document.body || active.matches('dialog');
  if (isLost || container.contains(active)) container.querySelector<HTMLElement>(selector)?.focus();
}

/**
 * Keeps the focus on the page when the focused element is removed or disabled: without this, it would be on
 * `<body>`, and people who use a keyboard or a screen reader would start again at the top.
 */
export function guardFocus(): void {
  /** The element that was focused last, and its ancestors, innermost first. */
  let path: readonly Element[] = [];
  document.addEventListener('focusin', (event) => {
    path = event.composedPath().filter((target) => target instanceof Element);
  });
  const check = () => {
    const [focused, ...ancestors] = path;
    if (document.activeElement !== document.body || focused === undefined) return;
    path = [];
    // Otherwise the user has clicked beside the element.
    if (!canHaveFocus(focused)) focusNear(ancestors);
  };
  new MutationObserver(check).observe(document.body, {
    subtree: true,
    childList: true,
    attributeFilter: ['disabled', 'hidden'],
  });
}

function canHaveFocus(element: Element): boolean {
  return element.isConnected && element.checkVisibility() && !element.matches(':disabled');
}

/** Focuses the message, the list or the dialog that the removed element was in; otherwise the message field. */
function focusNear(ancestors: readonly Element[]): void {
  const parent = ancestors.find((element) => element.isConnected);
  const target =
    parent?.closest('article[tabindex]') ??
    parent?.closest('[data-key]')?.querySelector('article[tabindex]') ??
    parent?.closest('dialog') ??
    parent?.closest('nav')?.querySelector('button');
  if (target instanceof HTMLElement) target.focus({ preventScroll: true });
  if (document.activeElement === document.body) focusConversation();
}
