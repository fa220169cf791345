/**
 * Whether an input method is composing text, so that the key belongs to the input method. Safari reports the
 * composition only by the key code.
 */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

/** Like `isComposing`, for a field in a form: Enter that ends a composition must not submit the form. */
export function isComposingInForm(event: KeyboardEvent): boolean {
  if (!isComposing(event)) return false;
  if (event.key === 'Enter') event.preventDefault();
  return true;
}
