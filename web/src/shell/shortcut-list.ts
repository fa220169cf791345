import { shortcutWords as words } from '../words/shell';

interface Shortcut {
  keys: readonly string[];
  action: () => string;
}

interface Scope {
  name: () => string;
  shortcuts: readonly Shortcut[];
}

/** The shortcuts for the user to read; `state/page/shortcuts.ts` recognises them. */
export const SHORTCUTS: readonly Scope[] = [
  {
    name: words.everywhere,
    shortcuts: [
      { keys: ['?'], action: words.showShortcuts },
      { keys: ['/'], action: words.search },
      { keys: ['Ctrl', 'K'], action: words.searchWhileTyping },
      { keys: ['Ctrl', 'Shift', 'O'], action: words.newChat },
      { keys: ['Ctrl', 'B'], action: words.toggleSidebar },
      { keys: ['Alt', '↑'], action: words.conversationAbove },
      { keys: ['Alt', '↓'], action: words.conversationBelow },
      { keys: ['Ctrl', 'Shift', 'E'], action: words.chatSettings },
      { keys: ['Shift', 'Esc'], action: words.focusMessage },
      { keys: ['Ctrl', 'Z'], action: words.undo },
      { keys: ['Esc'], action: words.close },
    ],
  },
  {
    name: words.messageField,
    shortcuts: [
      { keys: ['Enter'], action: words.send },
      { keys: ['Shift', 'Enter'], action: words.newLine },
      { keys: ['↑'], action: words.editLast },
    ],
  },
  {
    name: words.lists,
    shortcuts: [
      { keys: ['↑', '↓'], action: words.move },
      { keys: ['Enter'], action: words.open },
      { keys: ['F2'], action: words.rename },
      { keys: ['Delete'], action: words.delete },
    ],
  },
];
