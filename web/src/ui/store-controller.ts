import type { ReactiveController, ReactiveControllerHost } from 'lit';

import type { Store } from '../state/store';

/**
 * Renders its host again when the store changes, at most once per frame. A host that must see each value, even those
 * that are replaced within a frame, passes `onchange`, which is called on every change instead.
 */
export class StoreController<T> implements ReactiveController {
  #unsubscribe: (() => void) | null = null;
  #store: Store<T> | null = null;
  #frame = 0;

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
    if (this.#frame !== 0) return;
    const render = () => {
      cancelAnimationFrame(this.#frame);
      clearTimeout(timer);
      this.#frame = 0;
      this.host.requestUpdate();
    };
    this.#frame = requestAnimationFrame(render);
    // A background tab gets no animation frames, but must stay up to date.
    const timer = setTimeout(render, 200);
  }
}
