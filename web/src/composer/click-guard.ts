/** A double click takes at most this time by default in all systems. */
const DOUBLE_CLICK_MS = 500;

/**
 * Protects a button whose action changes under the pointer: the second click of a double click, and a click that
 * was begun before the change, are meant for the old action.
 */
export class ClickGuard {
  #action: string | null = null;
  #changedAt = -Infinity;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Notes which action the button has, and whether the pointer is over it. */
  show(action: string, isUnderPointer: boolean): void {
    const hasChanged = this.#action !== null && this.#action !== action;
    if (hasChanged) this.#changedAt = isUnderPointer ? this.now() : -Infinity;
    this.#action = action;
  }

  /** Whether the click is meant for the current action. Keys and assistive technology click with `detail` 0. */
  accepts({ detail }: Pick<MouseEvent, 'detail'>): boolean {
    return detail === 0 || this.now() - this.#changedAt > DOUBLE_CLICK_MS;
  }
}
