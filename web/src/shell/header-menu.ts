import Api from '@carbon/icons/es/api/16.js';
import Download from '@carbon/icons/es/download/16.js';
import Import from '@carbon/icons/es/document--import/16.js';
import Keyboard from '@carbon/icons/es/keyboard/16.js';

import { EXPORT_ALL_URL } from '../api/conversation-api';
import { accountItems } from '../account/account-menu';
import type { App } from '../app/app';
import type { ThemeChoice } from '../state/page/theme';
import type { MenuItem } from '../ui/overlays/popup-menu';
import { themeItem } from '../ui/theme-switch';
import { headerWords as words } from '../words/shell';
import { notificationItems } from './notifications/notification-menu';

/** The items of the page's menu. On a phone, whose header has no room for them, `theme` adds two of its buttons. */
export function headerMenu(app: App, theme: ThemeChoice | null): MenuItem[] {
  return [
    {
      label: words.importConversations(),
      icon: Import,
      run: () => app.dialog.set({ kind: 'import' }),
    },
    { label: words.exportConversations(), icon: Download, href: EXPORT_ALL_URL },
    ...notificationItems(app),
    { label: words.apiReference(), icon: Api, page: 'api/docs', isSeparated: true },
    ...(theme === null ? [] : [shortcutsItem(app), themeItem(theme)]),
    ...accountItems(app),
  ];
}

function shortcutsItem(app: App): MenuItem {
  return {
    label: words.shortcuts(),
    icon: Keyboard,
    run: () => app.dialog.set({ kind: 'shortcuts' }),
  };
}
