import { html, type PropertyValues } from 'lit';

import { formatNumber } from '../../state/numbers';
import { secondsUntil } from '../../state/page/notice';
import { LightDomElement } from '../light-dom-element';

/** The seconds until a point in time, in a sentence. Screen readers read it only when they come across it. */
export class Countdown extends LightDomElement {
  static override properties = { until: { attribute: false }, text: { attribute: false } };

  /** In milliseconds since 1970. */
  declare until: number;
  declare text: (seconds: string) => string;

  #timer: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.setAttribute('aria-live', 'off');
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  protected override render() {
    return html`${this.text(formatNumber(secondsUntil(this.until, Date.now())))}`;
  }

  protected override updated(_changed: PropertyValues<this>): void {
    clearTimeout(this.#timer);
    if (this.until > Date.now()) this.#timer = setTimeout(() => this.requestUpdate(), 500);
  }
}

customElements.define('webchat-countdown', Countdown);
