/** Whether text is entered with a keyboard on the screen. A device with a mouse has a real one. */
export function hasTouchKeyboard(): boolean {
  return matchMedia('(hover: none) and (pointer: coarse)').matches;
}
