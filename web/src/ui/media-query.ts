import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** Below this width, the sidebar is a drawer. The style sheets use the same width. */
export const IS_PHONE = '(max-width: 41.98rem)';

/** Renders its host again when the media query starts or stops to match. */
export class MediaQuery implements ReactiveController {
  readonly #query: MediaQueryList;
  readonly #handleChange = () => {
    this.onchange();
    this.host.requestUpdate();
  };

  constructor(
    private readonly host: ReactiveControllerHost,
    query: string,
    private readonly onchange = () => {},
  ) {
    this.#query = matchMedia(query);
    host.addController(this);
  }

  get matches(): boolean {
    return this.#query.matches;
  }

  hostConnected(): void {
    this.#query.addEventListener('change', this.#handleChange);
  }

  hostDisconnected(): void {
    this.#query.removeEventListener('change', this.#handleChange);
  }
}
