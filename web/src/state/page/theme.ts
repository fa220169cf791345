import { browserStorage } from '../storage';
import { Store } from '../store';

/** The system's theme, or one of Carbon's themes. */
export type Theme = 'system' | 'white' | 'g100';

const KEY = 'webchat.theme';

/** The theme that the user has chosen, kept in the browser's storage. */
export class ThemeChoice extends Store<Theme> {
  constructor() {
    const chosen = document.documentElement.dataset['theme'];
    super(chosen === 'white' || chosen === 'g100' ? chosen : 'system');
  }

  choose(theme: Theme): void {
    const root = document.documentElement;
    if (theme === 'system') delete root.dataset['theme'];
    else root.dataset['theme'] = theme;
    save(theme);
    this.set(theme);
  }
}

function save(theme: Theme): void {
  try {
    if (theme === 'system') browserStorage()?.removeItem(KEY);
    else browserStorage()?.setItem(KEY, theme);
  } catch {
    // The storage is full: the choice applies until the page is closed.
  }
}
