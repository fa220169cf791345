import './styles/main.scss';
import './components/app';

import { api } from './api';
import { App } from './app';
import { contextApi } from './context-api';
import { fileApi } from './file-api';
import { libraryApi } from './library-api';
import { LiveSocket } from './socket';
import { browserStorage, Drafts } from './state/drafts';
import { Outbox } from './state/outbox';
import { ThemeChoice } from './state/theme';

const socketAddress = new URL('/ws', location.href);
socketAddress.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';

const socket = new LiveSocket(() => new WebSocket(socketAddress), new Outbox(browserStorage()));
const app = new App(
  { api, libraryApi, contextApi, fileApi },
  socket,
  new Drafts(browserStorage()),
  browserStorage(),
  history,
);

addEventListener('popstate', () => void app.visit(location.pathname + location.hash));
addEventListener('online', () => socket.retryNow());
addEventListener('offline', () => socket.networkLost());
addEventListener('pagehide', () => app.library.leave());

const page = document.querySelector('webchat-app');
if (page) {
  page.app = app;
  page.theme = new ThemeChoice();
}
await app.start(location.pathname + location.hash);
