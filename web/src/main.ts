import './styles/main.scss';
import './shell/shell';

import { accountApi } from './api/account-api';
import { findConnectionProblem } from './api/connection/connection-problem';
import { contextApi } from './api/context-api';
import { conversationApi } from './api/conversation-api';
import { fileApi } from './api/file-api';
import { Outbox } from './api/connection/outbox';
import { LiveSocket } from './api/connection/socket';
import { App } from './app/app';
import { watchBrowser } from './app/browser-events';
import { AnswerNotifications } from './shell/notifications/answer-notifications';
import { Drafts } from './state/composer/drafts';
import { pathInApp, takeSignInError } from './state/page/address';
import { ThemeChoice } from './state/page/theme';
import { pageStorage } from './state/storage';
import { bindPrinting } from './thread/print';
import { guardFocus } from './ui/keyboard/focus';
import { bindTooltips } from './ui/overlays/tooltip';

const socketUrl = new URL('ws', document.baseURI);
socketUrl.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';

const socket = new LiveSocket(() => new WebSocket(socketUrl), new Outbox(pageStorage));
const drafts = new Drafts(pageStorage);
const app = new App(
  { accountApi, conversationApi, contextApi, fileApi },
  socket,
  drafts,
  pageStorage,
  history,
);
socket.findProblem = async () => {
  const problem = await findConnectionProblem();
  if (problem !== 'signed-out') return problem;
  await app.account.load();
  return null;
};
watchBrowser(app);
bindPrinting(app);

const page = document.querySelector('webchat-app');
if (page) {
  page.app = app;
  page.theme = new ThemeChoice();
}
guardFocus();
bindTooltips();
new AnswerNotifications(app).start();
const signInError = takeSignInError(location.href, history);
if (signInError !== null) void app.account.showSignInError(signInError);
await app.start(pathInApp(location.href));
