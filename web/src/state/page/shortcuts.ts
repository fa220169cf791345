export type Command =
  | 'shortcuts'
  | 'search'
  | 'new-chat'
  | 'sidebar'
  | 'focus-composer'
  | 'previous'
  | 'next'
  | 'context'
  | 'undo'
  | 'print'
  | 'stop';

/** The fields of `KeyboardEvent` that are used. */
export type Key = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>;

/** Where a key is pressed: in a field with text, in an empty field, or outside of fields. */
export type KeyContext = 'page' | 'empty-field' | 'text';

/**
 * Returns the command that a key triggers, if any. In a field, a key without Ctrl is text. The user can
 * disable the single-key shortcuts. On a Mac, Ctrl with a letter moves the cursor: there, ⌘ takes its place.
 */
export function commandOf(
  key: Key,
  context: KeyContext,
  singleKeysEnabled: boolean,
  isApple: boolean,
): Command | null {
  const [control, otherControl] = isApple ? [key.metaKey, key.ctrlKey] : [key.ctrlKey, key.metaKey];
  if (otherControl) return null;
  if (control) return controlCommand(key, context);
  if (key.key === 'Escape' && !key.altKey) return key.shiftKey ? 'focus-composer' : 'stop';
  if (key.altKey) return context === 'text' ? null : altCommand(key);
  if (context !== 'page' || !singleKeysEnabled) return null;
  return key.key === '?' ? 'shortcuts' : key.key === '/' ? 'search' : null;
}

function altCommand({ key }: Key): Command | null {
  return key === 'ArrowUp' ? 'previous' : key === 'ArrowDown' ? 'next' : null;
}

function controlCommand({ key, altKey, shiftKey }: Key, context: KeyContext): Command | null {
  if (altKey) return null;
  const name = key.toLowerCase();
  if (shiftKey) return name === 'o' ? 'new-chat' : name === 'e' ? 'context' : null;
  if (name === 'k') return 'search';
  if (name === 'b') return 'sidebar';
  if (name === 'p') return 'print';
  return name === 'z' && context === 'page' ? 'undo' : null;
}
