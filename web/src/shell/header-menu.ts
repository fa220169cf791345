import Api from '@carbon/icons/es/api/16.js';
import Download from '@carbon/icons/es/download/16.js';
import Import from '@carbon/icons/es/document--import/16.js';
import Keyboard from '@carbon/icons/es/keyboard/16.js';

import { EXPORT_ALL_URL } from '../api/conversation-api';
import type { App } from '../app/app';
import type { MenuItem } from '../ui/overlays/popup-menu';
import { headerWords as words } from '../words/shell';
import { notificationItems } from './notifications/notification-menu';

/** The items of the page's menu, with those for which the header has no room at the end. */
export function headerMenu(app: App, otherItems: readonly MenuItem[]): MenuItem[] {
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
    ...otherItems,
  ];
}
