import { LitElement } from 'lit';

/**
 * A component without a shadow root: the browser's search finds its text, its headings and links
 * belong to the page, and one style sheet applies to all components.
 */
export class LightDomElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}
