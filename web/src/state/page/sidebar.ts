import { pageStorage } from '../storage';

const NAME = 'sidebar';

/** Whether the user has collapsed the sidebar to a rail. */
export function isSidebarCollapsed(): boolean {
  return pageStorage.get(NAME) === 'collapsed';
}

export function setSidebarCollapsed(isCollapsed: boolean): void {
  if (isCollapsed) pageStorage.set(NAME, 'collapsed');
  else pageStorage.remove(NAME);
}
