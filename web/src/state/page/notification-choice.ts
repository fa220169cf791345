import type { TextStorage } from '../storage';
import { Store } from '../store';

const NAME = 'notifications';

/** Whether the user wants desktop notifications about unseen answers, kept in the browser's storage. */
export class NotificationChoice extends Store<boolean> {
  constructor(private readonly storage: TextStorage) {
    super(storage.get(NAME) === 'on');
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
    if (isOn) this.storage.set(NAME, 'on');
    else this.storage.remove(NAME);
    this.set(isOn);
  }

  /** Takes over the choice made in another tab. */
  handleStorageChange(name: string, value: string | null): void {
    if (name === NAME) this.set(value === 'on');
  }
}
