import { isLoadingPage, type Thread } from './thread';

/** Loads all messages of a conversation. Returns `false` if some can't be loaded. */
export async function loadAll(thread: Thread): Promise<boolean> {
  while (!isComplete(thread)) {
    // The user may have scrolled up, so that a page is being loaded already.
    await thread.state.until((state) => !isLoadingPage(state));
    if (thread.state.value.unloadedRange !== null) await thread.loadUnloadedPage(false);
    else await thread.loadOlder();
    if (thread.state.value.pageLoad === 'failed') return false;
  }
  return true;
}

export function isComplete({ state }: Thread): boolean {
  return state.value.nextBefore === null && state.value.unloadedRange === null;
}
