import './styles/main.scss';
import './components/app';

import { api } from './api';
import { App } from './app';
import { fileApi } from './file-api';
import { LiveSocket } from './socket';
import { browserStorage, Drafts } from './state/drafts';
import { Outbox } from './state/outbox';
import { ThemeChoice } from './state/theme';

const socketAddress = new URL('/ws', location.href);
socketAddress.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';

const socket = new LiveSocket(() => new WebSocket(socketAddress), new Outbox(browserStorage()));
const app = new App(api, fileApi, socket, new Drafts(browserStorage()), history);

addEventListener('popstate', () => void app.visit(location.pathname));
addEventListener('online', () => socket.retryNow());

const page = document.querySelector('webchat-app');
if (page) {
  page.app = app;
  page.theme = new ThemeChoice();
}
await app.start(location.pathname);
