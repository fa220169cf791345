/**
 * Whether an input method is composing text, so that the key belongs to the input method. Safari reports the
 * composition only by the key code.
 */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}
