export type Command =
  'shortcuts' | 'search' | 'new-chat' | 'write' | 'previous' | 'next' | 'context' | 'undo';

export interface Shortcut {
  keys: readonly string[];
  does: string;
}

/** As much of a `KeyboardEvent` as is needed. */
export type Key = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>;

/** Everything that has keys, as it is listed for the user. */
export const SHORTCUTS: readonly { where: string; shortcuts: readonly Shortcut[] }[] = [
  {
    where: 'Everywhere',
    shortcuts: [
      { keys: ['?'], does: 'Show these shortcuts' },
      { keys: ['/'], does: 'Search' },
      { keys: ['Ctrl', 'K'], does: 'Search, also while writing' },
      { keys: ['Ctrl', 'Shift', 'O'], does: 'Start a new chat' },
      { keys: ['Alt', '↑'], does: 'Open the conversation above, while nothing is written' },
      { keys: ['Alt', '↓'], does: 'Open the conversation below, while nothing is written' },
      { keys: ['Ctrl', 'Shift', 'E'], does: 'Show what goes to the model' },
      { keys: ['Shift', 'Esc'], does: 'Go to the message field' },
      { keys: ['Ctrl', 'Z'], does: 'Undo a deletion, while not writing' },
      { keys: ['Esc'], does: 'Close what is open' },
    ],
  },
  {
    where: 'Message field',
    shortcuts: [
      { keys: ['Enter'], does: 'Send' },
      { keys: ['Shift', 'Enter'], does: 'Break the line' },
    ],
  },
  {
    where: 'Conversations and hits',
    shortcuts: [
      { keys: ['↑', '↓'], does: 'Go to the one above or below' },
      { keys: ['Enter'], does: 'Open' },
      { keys: ['F2'], does: 'Rename' },
      { keys: ['Delete'], does: 'Delete' },
    ],
  },
];

/** Where a key is pressed: in a text, in a field where there is none yet, or elsewhere. */
export type KeyPlace = 'page' | 'empty-field' | 'text';

/** What a key asks for. Keys without Ctrl are text where somebody types, and may be switched off. */
export function commandOf(key: Key, place: KeyPlace, hasSingleKeys: boolean): Command | null {
  if (key.ctrlKey || key.metaKey) return withControl(key, place);
  if (key.key === 'Escape' && key.shiftKey) return 'write';
  if (key.altKey) return place === 'text' ? null : withAlt(key);
  if (place !== 'page' || !hasSingleKeys) return null;
  return key.key === '?' ? 'shortcuts' : key.key === '/' ? 'search' : null;
}

function withAlt({ key }: Key): Command | null {
  return key === 'ArrowUp' ? 'previous' : key === 'ArrowDown' ? 'next' : null;
}

function withControl({ key, altKey, shiftKey }: Key, place: KeyPlace): Command | null {
  if (altKey) return null;
  const name = key.toLowerCase();
  if (shiftKey) return name === 'o' ? 'new-chat' : name === 'e' ? 'context' : null;
  if (name === 'k') return 'search';
  return name === 'z' && place === 'page' ? 'undo' : null;
}
