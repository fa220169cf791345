import type { ReactiveController, ReactiveControllerHost } from 'lit';

import type { Store } from '../state/store';

/**
 * The minimum time between two renderings. An answer may grow more often, but nobody reads faster, and the layout and
 * painting after each rendering cost more than the rendering itself.
 */
const INTERVAL_MS = 30;
/** A background tab gets no animation frames, but must stay up to date. */
const MAX_FRAME_MS = 200;

/**
 * Renders its host again when the store changes: in the next frame, but not more often than every `INTERVAL_MS`. A host
 * that must see each value, even those that are replaced within this time, passes `onchange`, which is called on every
 * change instead.
 */
export class StoreController<T> implements ReactiveController {
  #unsubscribe: (() => void) | null = null;
  #store: Store<T> | null = null;
  #isScheduled = false;
  #notBefore = 0;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly onchange = () => this.#scheduleUpdate(),
  ) {
    host.addController(this);
  }

  set store(store: Store<T>) {
    if (store === this.#store) return;
    this.hostDisconnected();
    this.#store = store;
    this.hostConnected();
  }

  hostConnected(): void {
    this.#unsubscribe ??= this.#store?.subscribe(this.onchange) ?? null;
  }

  hostDisconnected(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
  }

  #scheduleUpdate(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const wait = this.#notBefore - performance.now();
    if (wait > 0) setTimeout(() => this.#update(), wait);
    else this.#updateInNextFrame();
  }

  #updateInNextFrame(): void {
    const update = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      this.#update();
    };
    const frame = requestAnimationFrame(update);
    const timer = setTimeout(update, MAX_FRAME_MS);
  }

  #update(): void {
    this.#isScheduled = false;
    this.#notBefore = performance.now() + INTERVAL_MS;
    this.host.requestUpdate();
  }
}
