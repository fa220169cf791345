import { browserStorage } from '../storage';

const KEY = 'webchat.sidebar';

/** Whether the user has collapsed the sidebar to a rail. */
export function isSidebarCollapsed(): boolean {
  return browserStorage()?.getItem(KEY) === 'collapsed';
}

export function setSidebarCollapsed(isCollapsed: boolean): void {
  if (isCollapsed) browserStorage()?.setItem(KEY, 'collapsed');
  else browserStorage()?.removeItem(KEY);
}
