import Login from '@carbon/icons/es/login/16.js';
import Logout from '@carbon/icons/es/logout/16.js';
import Administration from '@carbon/icons/es/user--admin/16.js';
import User from '@carbon/icons/es/user/16.js';

import { errorMessage } from '../api/http';
import type { App } from '../app/app';
import type { MenuItem } from '../ui/overlays/popup-menu';
import { accountWords as words } from '../words/account';

/** The menu items of the account. None if nobody can sign in to this server. */
export function accountItems({ account, dialog, notice }: App): MenuItem[] {
  const { auth, account: current, isKnownByProxy } = account.state.value;
  if (auth === null || auth === 'none') return [];
  if (current === null) {
    const run = () => void account.showSignIn();
    return [{ label: words.signIn(), icon: Login, run, isSeparated: true }];
  }
  const open: MenuItem = {
    label: words.account(current.name),
    icon: User,
    run: () => dialog.set({ kind: 'account' }),
    isSeparated: true,
  };
  const administration = { label: words.administration(), icon: Administration, page: 'admin' };
  const items = current.role === 'user' ? [open] : [open, administration];
  if (isKnownByProxy) return items;
  const signOut = () => account.signOut().catch((error) => notice.set(errorMessage(error)));
  return [...items, { label: words.signOut(), icon: Logout, run: () => void signOut() }];
}
