import Api from '@carbon/icons/es/api/16.js';
import Download from '@carbon/icons/es/download/16.js';
import Import from '@carbon/icons/es/document--import/16.js';
import Keyboard from '@carbon/icons/es/keyboard/16.js';

import { EXPORT_ALL_URL } from '../api/conversation-api';
import type { App } from '../app/app';
import type { MenuItem } from '../ui/overlays/popup-menu';
import { headerWords as words } from '../words/shell';
import { notificationItems } from './notifications/notification-menu';

/** The theme that a click switches to. */
interface NextTheme {
  label: string;
  icon: typeof Import;
  choose: () => void;
}

/** The items of the page's menu. On a phone, it also has the theme, for which the header has no room. */
export function headerMenu(app: App, nextTheme: NextTheme | null): MenuItem[] {
  return [
    {
      label: words.importConversations(),
      icon: Import,
      run: () => app.dialog.set({ kind: 'import' }),
    },
    { label: words.exportConversations(), icon: Download, href: EXPORT_ALL_URL },
    ...notificationItems(app),
    {
      label: words.shortcuts(),
      icon: Keyboard,
      isSeparated: true,
      run: () => app.dialog.set({ kind: 'shortcuts' }),
    },
    { label: words.apiReference(), icon: Api, page: 'api/docs' },
    ...(nextTheme === null
      ? []
      : [{ label: nextTheme.label, icon: nextTheme.icon, run: nextTheme.choose }]),
  ];
}
