import { storageKey } from '../storage';
import { Store } from '../store';

const KEY = storageKey('notifications');

/** Whether the user wants desktop notifications about unseen answers, kept in the browser's storage. */
export class NotificationChoice extends Store<boolean> {
  constructor(private readonly storage: Storage | null) {
    super(isChosen(storage));
  }

  /** Whether this browser can show notifications. Most phones can't show those of a page. */
  get isSupported(): boolean {
    return 'Notification' in globalThis && matchMedia('(hover: hover)').matches;
  }

  /** Turns notifications on, and asks the browser's permission. Returns whether they are on now. */
  async turnOn(): Promise<boolean> {
    const isAllowed = (await Notification.requestPermission()) === 'granted';
    this.#choose(isAllowed);
    return isAllowed;
  }

  turnOff(): void {
    this.#choose(false);
  }

  #choose(isOn: boolean): void {
    try {
      if (isOn) this.storage?.setItem(KEY, 'on');
      else this.storage?.removeItem(KEY);
    } catch {
      // The storage is full. The choice lasts until the tab is closed.
    }
    this.set(isOn);
  }

  /** Takes over the choice made in another tab. */
  handleStorageChange({ key, newValue }: Pick<StorageEvent, 'key' | 'newValue'>): void {
    if (key === KEY) this.set(newValue === 'on');
  }
}

function isChosen(storage: Storage | null): boolean {
  return storage?.getItem(KEY) === 'on';
}
