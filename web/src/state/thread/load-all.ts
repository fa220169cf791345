import type { Thread } from './thread';

/** Loads all messages of a conversation. Returns `false` if some can't be loaded. */
export async function loadAll(thread: Thread): Promise<boolean> {
  while (!isComplete(thread)) {
    await currentLoad(thread);
    if (thread.state.value.unloadedRange !== null) await thread.loadUnloadedPage(false);
    else await thread.loadOlder();
    if (thread.state.value.pageLoad === 'failed') return false;
  }
  return true;
}

export function isComplete({ state }: Thread): boolean {
  return state.value.nextBefore === null && state.value.unloadedRange === null;
}

/** Waits for the page that is being loaded, for example because the user has scrolled up. */
async function currentLoad({ state }: Thread): Promise<void> {
  const isLoading = () => ['older', 'unloaded-range'].includes(state.value.pageLoad);
  if (!isLoading()) return;
  await new Promise<void>((resolve) => {
    const unsubscribe = state.subscribe(() => {
      if (isLoading()) return;
      unsubscribe();
      resolve();
    });
  });
}
