import { Store } from '../store';

export interface ToastAction {
  label: string;
  /** Called when the action is chosen, after the toast has closed. */
  run?: () => void;
  /** The URL of the file, if the action is a download. */
  href?: string;
}

export type ToastKind = 'success' | 'info' | 'error';

export interface Toast {
  id: number;
  text: string;
  kind: ToastKind;
  action: ToastAction | null;
}

interface ToastOptions {
  kind?: ToastKind;
  action?: ToastAction;
  /** Called if the toast closes without its action. */
  onend?: () => void;
}

interface Timer {
  remainingMs: number;
  resumedAt: number;
  handle: ReturnType<typeof setTimeout> | undefined;
  onend: () => void;
}

export const TOAST_MS = 8000;

/** Short messages that close after `TOAST_MS`, not counting the time while they are paused. */
export class Toasts extends Store<readonly Toast[]> {
  readonly #timers = new Map<number, Timer>();
  #count = 0;

  constructor() {
    super([]);
  }

  /** Shows a toast and returns its id. */
  show(text: string, { kind = 'success', action, onend = () => {} }: ToastOptions = {}): number {
    this.#count += 1;
    const id = this.#count;
    this.#timers.set(id, { remainingMs: TOAST_MS, resumedAt: 0, handle: undefined, onend });
    this.set([...this.value, { id, text, kind, action: action ?? null }]);
    this.resume(id);
    return id;
  }

  /** Pauses the timer while the user hovers over the toast or focuses it. */
  pause(id: number): void {
    const timer = this.#timers.get(id);
    if (timer?.handle === undefined) return;
    clearTimeout(timer.handle);
    timer.handle = undefined;
    timer.remainingMs -= Date.now() - timer.resumedAt;
  }

  resume(id: number): void {
    const timer = this.#timers.get(id);
    if (!timer || timer.handle !== undefined) return;
    timer.resumedAt = Date.now();
    timer.handle = setTimeout(() => this.dismiss(id), timer.remainingMs);
  }

  dismiss(id: number): void {
    this.#remove(id)?.onend();
  }

  runAction(id: number): void {
    const toast = this.value.find(({ id: toastId }) => toastId === id);
    this.#remove(id);
    toast?.action?.run?.();
  }

  #remove(id: number): Timer | undefined {
    const timer = this.#timers.get(id);
    clearTimeout(timer?.handle);
    this.#timers.delete(id);
    this.set(this.value.filter((toast) => toast.id !== id));
    return timer;
  }
}
