import { html, nothing } from 'lit';

import { LightDomElement } from '../ui/light-dom-element';
import { jsonView } from './code-view';

/** A schema, which is rendered when it is opened: there are many. */
export class ApiSchema extends LightDomElement {
  static override properties = {
    name: { attribute: false },
    schema: { attribute: false },
    isOpen: { attribute: false },
  };

  declare name: string;
  declare schema: unknown;
  declare isOpen: boolean;

  constructor() {
    super();
    this.isOpen = false;
  }

  protected override render() {
    return html`<details ?open=${this.isOpen} @toggle=${this.#handleToggle}>
      <summary><h3>${this.name}</h3></summary>
      ${this.isOpen ? jsonView(JSON.stringify(this.schema, null, 2), this.name) : nothing}
    </details>`;
  }

  #handleToggle(event: ToggleEvent): void {
    this.isOpen = event.newState === 'open';
  }
}

customElements.define('webchat-api-schema', ApiSchema);
