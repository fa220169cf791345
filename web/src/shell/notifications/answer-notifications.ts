import type { App } from '../../app/app';
import { storageKey } from '../../state/storage';
import { answerNotificationWords as words } from '../../words/shell';
import { listWords } from '../../words/sidebar';

/** A visible tab holds this lock, so that other tabs know that the user sees the page. */
const VISIBLE_LOCK = storageKey('visible');
const ANNOUNCE_LOCK = storageKey('announce');
/** A tab that shows the conversation clears its mark within this time. */
const SEEN_WITHIN_MS = 1000;

/**
 * Shows a desktop notification when an answer has arrived while no tab of the page was visible. One tab shows it. It
 * contains the title, but no text of the answer, because it may be seen by others.
 */
export class AnswerNotifications {
  #releaseVisibleLock = () => {};
  #unread: ReadonlySet<string>;

  constructor(private readonly app: App) {
    this.#unread = this.#unreadIds();
  }

  start(): void {
    this.app.marks.subscribe(() => this.#handleMarks());
    document.addEventListener('visibilitychange', () => this.#updateLock());
    this.#updateLock();
  }

  #handleMarks(): void {
    const previous = this.#unread;
    this.#unread = this.#unreadIds();
    for (const id of this.#unread) {
      if (!previous.has(id)) setTimeout(() => void this.#announce(id), SEEN_WITHIN_MS);
    }
  }

  #unreadIds(): Set<string> {
    const unread = [...this.app.marks.value].filter(([, mark]) => mark === 'unread');
    return new Set(unread.map(([id]) => id));
  }

  async #announce(id: string): Promise<void> {
    const { marks, notifications } = this.app;
    if (!notifications.value || Notification.permission !== 'granted') return;
    if (!document.hidden || (await isAnyTabVisible())) return;
    // One tab after the other tries to claim the announcement.
    await locks()?.request(ANNOUNCE_LOCK, () => {
      if (marks.claimAnnouncement(id)) this.#show(id);
    });
  }

  #show(id: string): void {
    const title = this.app.conversations.find(id)?.title ?? listWords.untitled();
    const notification = new Notification(title, { body: words.answered(), tag: id });
    notification.addEventListener('click', () => {
      focus();
      notification.close();
      void this.app.open(id);
    });
  }

  #updateLock(): void {
    this.#releaseVisibleLock();
    this.#releaseVisibleLock = () => {};
    if (document.hidden) return;
    const released = new Promise<void>((resolve) => (this.#releaseVisibleLock = resolve));
    void locks()?.request(VISIBLE_LOCK, { mode: 'shared' }, () => released);
  }
}

async function isAnyTabVisible(): Promise<boolean> {
  const { held = [] } = (await locks()?.query()) ?? {};
  return held.some(({ name }) => name === VISIBLE_LOCK);
}

/** Browsers offer locks, like notifications, only in secure contexts. */
function locks(): LockManager | undefined {
  return navigator.locks as LockManager | undefined;
}
