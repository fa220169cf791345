import { pathInApp } from '../state/page/address';
import { storageName } from '../state/storage';
import type { App } from './app';

/** Handles the events of the browser that concern the whole page. */
export function watchBrowser(app: App): void {
  const { socket } = app;
  addEventListener('popstate', () => void app.showPath(pathInApp(location.href)));
  addEventListener('pagehide', () => app.conversations.commitDeletions());
  addEventListener('storage', ({ key, newValue }) => {
    if (key === null) app.marks.handleStorageClear();
    const name = storageName(key ?? '');
    if (name === null) return;
    socket.outbox.handleStorageChange(name);
    app.marks.handleStorageChange(name, newValue);
    app.notifications.handleStorageChange(name, newValue);
  });
  addEventListener('offline', () => socket.dropConnection());
  // After sleep or in another network, the connection may be dead, although it looks open.
  for (const name of ['focus', 'pageshow']) addEventListener(name, () => socket.check());
  addEventListener('online', () => {
    socket.retryNow();
    socket.check();
  });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    socket.check();
    app.answerTracker.handleVisibility();
  });
}
