import type { Key } from '../page/shortcuts';

/** What a key asks for in a message field. */
export type FieldCommand = 'submit-text' | 'cancel' | 'edit-last';

/** Returns what a key asks for; `null` if it is text, or moves the cursor. */
export function fieldCommand(
  { key, shiftKey, altKey, ctrlKey, metaKey }: Key,
  isEmpty: boolean,
  isTouchKeyboard: boolean,
): FieldCommand | null {
  const hasModifier = shiftKey || altKey || ctrlKey || metaKey;
  if (key === 'Escape' && !hasModifier) return 'cancel';
  if (key === 'ArrowUp' && isEmpty && !hasModifier) return 'edit-last';
  if (key !== 'Enter' || shiftKey || altKey) return null;
  return isTouchKeyboard && !ctrlKey && !metaKey ? null : 'submit-text';
}
