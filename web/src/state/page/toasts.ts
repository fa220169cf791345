import { Store } from '../store';

export interface ToastAction {
  label: string;
  /** A toast whose action was done says no more and ends. */
  run?: () => void;
  /** Where the action is a file to be fetched. */
  href?: string;
}

export interface Toast {
  id: number;
  text: string;
  action: ToastAction | null;
}

interface Timer {
  left: number;
  since: number;
  handle: ReturnType<typeof setTimeout> | undefined;
  onend: () => void;
}

export const TOAST_MS = 8000;

/** Short messages that go by themselves, after as long as nobody holds them. */
export class Toasts extends Store<readonly Toast[]> {
  readonly #timers = new Map<number, Timer>();
  #count = 0;

  constructor() {
    super([]);
  }

  /** `onend` is called when it goes without its action having been done. */
  say(text: string, action: ToastAction | null = null, onend = () => {}): number {
    this.#count += 1;
    const id = this.#count;
    this.#timers.set(id, { left: TOAST_MS, since: 0, handle: undefined, onend });
    this.set([...this.value, { id, text, action }]);
    this.release(id);
    return id;
  }

  /** While somebody looks at it, it stays. */
  hold(id: number): void {
    const timer = this.#timers.get(id);
    if (timer?.handle === undefined) return;
    clearTimeout(timer.handle);
    timer.handle = undefined;
    timer.left -= Date.now() - timer.since;
  }

  release(id: number): void {
    const timer = this.#timers.get(id);
    if (!timer || timer.handle !== undefined) return;
    timer.since = Date.now();
    timer.handle = setTimeout(() => this.end(id), timer.left);
  }

  end(id: number): void {
    this.#drop(id)?.onend();
  }

  act(id: number): void {
    const toast = this.value.find((each) => each.id === id);
    this.#drop(id);
    toast?.action?.run?.();
  }

  #drop(id: number): Timer | undefined {
    const timer = this.#timers.get(id);
    clearTimeout(timer?.handle);
    this.#timers.delete(id);
    this.set(this.value.filter((toast) => toast.id !== id));
    return timer;
  }
}
