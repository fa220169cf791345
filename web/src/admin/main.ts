import '../styles/admin.scss';
import './admin-page';

import { accountApi } from '../api/account-api';
import { adminApi } from '../api/admin-api';
import { AccountStore } from '../state/account/account';
import { takeSignInError } from '../state/page/address';
import { ThemeChoice } from '../state/page/theme';
import { pageStorage } from '../state/storage';
import { bindTooltips } from '../ui/overlays/tooltip';

const account = new AccountStore(accountApi, pageStorage, () => location.reload());
const page = document.querySelector('webchat-admin');
if (page) {
  page.theme = new ThemeChoice();
  page.account = account;
  page.api = adminApi;
}
bindTooltips();
// The session may have ended meanwhile, or somebody else may have signed in.
addEventListener('focus', () => void account.load());
const signInError = takeSignInError(location.href, history);
await (signInError === null ? account.load() : account.showSignInError(signInError));
if (page && account.state.value.auth === null) page.isUnreachable = true;
