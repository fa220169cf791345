import { LitElement, type ReactiveController, type ReactiveControllerHost } from 'lit';

import type { Store } from '../state/store';

/**
 * A component in the page's own tree: its text is found by the browser's search, its headings and
 * links belong to the page, and one style sheet holds for all.
 */
export class LightElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}

/** Renders its host again when the store changes, at most once a frame. */
export class Watch<T> implements ReactiveController {
  #unsubscribe: (() => void) | null = null;
  #store: Store<T> | null = null;
  #frame = 0;

  constructor(private readonly host: ReactiveControllerHost) {
    host.addController(this);
  }

  set store(store: Store<T>) {
    if (store === this.#store) return;
    this.hostDisconnected();
    this.#store = store;
    this.hostConnected();
  }

  hostConnected(): void {
    this.#unsubscribe ??= this.#store?.subscribe(() => this.#changed()) ?? null;
  }

  hostDisconnected(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
  }

  #changed(): void {
    if (this.#frame !== 0) return;
    const render = () => {
      cancelAnimationFrame(this.#frame);
      clearTimeout(timer);
      this.#frame = 0;
      this.host.requestUpdate();
    };
    this.#frame = requestAnimationFrame(render);
    // A page in the background gets no frames, and still must know what it holds.
    const timer = setTimeout(render, 200);
  }
}
