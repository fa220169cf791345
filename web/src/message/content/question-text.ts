import { html, nothing } from 'lit';

import './markdown-text';

import { LightDomElement } from '../../ui/light-dom-element';
import { contentWords } from '../../words/content';
import { mayBeLong } from './long-text';

/** The text of a question. A long one is folded. */
export class QuestionText extends LightDomElement {
  static override properties = {
    text: {},
    isExpanded: { state: true },
    isOverflowing: { state: true },
  };

  declare text: string;
  declare isExpanded: boolean;
  /** Whether the text is longer than the fold shows. */
  declare isOverflowing: boolean;

  readonly #heights = new ResizeObserver(() => this.#measure());

  constructor() {
    super();
    this.text = '';
    this.isExpanded = false;
    this.isOverflowing = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#heights.disconnect();
  }

  protected override render() {
    const isFolded = !this.isExpanded && mayBeLong(this.text);
    return html`<div class=${isFolded ? 'folded' : nothing} @scroll=${this.#expandFound}>
        <webchat-markdown .text=${this.text} .isQuestion=${true}></webchat-markdown>
      </div>
      ${
        this.isOverflowing
          ? html`<button
              class="fold-toggle"
              type="button"
              aria-expanded=${this.isExpanded}
              @click=${() => (this.isExpanded = !this.isExpanded)}
            >
              ${this.isExpanded ? contentWords.showLess() : contentWords.showMore()}
            </button>`
          : nothing
      }`;
  }

  protected override updated(): void {
    const content = this.querySelector('webchat-markdown');
    if (content && mayBeLong(this.text)) this.#heights.observe(content);
    else this.#heights.disconnect();
  }

  #measure(): void {
    const fold = this.querySelector('.folded');
    // Once expanded, the text can be folded again.
    if (fold) this.isOverflowing = fold.scrollHeight > fold.clientHeight + 1;
  }

  /** The browser’s search scrolls to what it finds, also in a folded text. */
  #expandFound(event: Event): void {
    const fold = event.currentTarget as HTMLElement;
    if (fold.scrollTop === 0) return;
    fold.scrollTop = 0;
    this.isExpanded = true;
  }
}

customElements.define('webchat-question-text', QuestionText);
