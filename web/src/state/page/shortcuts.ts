export type Command =
  'shortcuts' | 'search' | 'new-chat' | 'focus-composer' | 'previous' | 'next' | 'context' | 'undo';

export interface Shortcut {
  keys: readonly string[];
  action: string;
}

/** The fields of `KeyboardEvent` that are used. */
export type Key = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>;

/** The list of shortcuts for the user. */
export const SHORTCUTS: readonly { scope: string; shortcuts: readonly Shortcut[] }[] = [
  {
    scope: 'Everywhere',
    shortcuts: [
      { keys: ['?'], action: 'Show these shortcuts' },
      { keys: ['/'], action: 'Search' },
      { keys: ['Ctrl', 'K'], action: 'Search, even while typing' },
      { keys: ['Ctrl', 'Shift', 'O'], action: 'Start a new chat' },
      {
        keys: ['Alt', '↑'],
        action: 'Open the conversation above, when the message field is empty',
      },
      {
        keys: ['Alt', '↓'],
        action: 'Open the conversation below, when the message field is empty',
      },
      { keys: ['Ctrl', 'Shift', 'E'], action: 'Open the chat settings' },
      { keys: ['Shift', 'Esc'], action: 'Go to the message field' },
      { keys: ['Ctrl', 'Z'], action: 'Undo a deletion, when not typing' },
      { keys: ['Esc'], action: 'Close a dialog or menu' },
    ],
  },
  {
    scope: 'Message field',
    shortcuts: [
      { keys: ['Enter'], action: 'Send' },
      { keys: ['Shift', 'Enter'], action: 'Start a new line' },
    ],
  },
  {
    scope: 'Conversations and search results',
    shortcuts: [
      { keys: ['↑', '↓'], action: 'Move up or down' },
      { keys: ['Enter'], action: 'Open' },
      { keys: ['F2'], action: 'Rename' },
      { keys: ['Delete'], action: 'Delete' },
    ],
  },
];

/** Where a key is pressed: in a field with text, in an empty field, or outside of fields. */
export type KeyContext = 'page' | 'empty-field' | 'text';

/**
 * Returns the command that a key triggers, if any. In a field, a key without Ctrl is text. The user can
 * disable the single-key shortcuts.
 */
export function commandOf(
  key: Key,
  context: KeyContext,
  singleKeysEnabled: boolean,
): Command | null {
  if (key.ctrlKey || key.metaKey) return controlCommand(key, context);
  if (key.key === 'Escape' && key.shiftKey) return 'focus-composer';
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
  return name === 'z' && context === 'page' ? 'undo' : null;
}
