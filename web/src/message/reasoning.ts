import { html, nothing } from 'lit';
import ChevronRight from '@carbon/icons/es/chevron--right/16.js';

import './content/markdown-text';

import type { Reasoning } from '../state/thread/thread-message';
import { formatSeconds } from '../state/thread/notes/details';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import { reasoningWords } from '../words/thread';

/** A shorter time would be shown as 0 s. */
const MIN_SHOWN_MS = 50;

/**
 * The model’s reasoning above its answer, folded at first. It is rendered only while it is unfolded. Fires
 * `hold-scroll` when the user unfolds or folds it, unless it still grows.
 */
export class MessageReasoning extends LightDomElement {
  static override properties = {
    reasoning: { attribute: false },
    isThinking: { attribute: false },
    isUnfolded: { state: true },
  };

  declare reasoning: Reasoning;
  /** Whether the model is still reasoning. */
  declare isThinking: boolean;
  declare isUnfolded: boolean;

  constructor() {
    super();
    this.isUnfolded = false;
  }

  protected override render() {
    const { isThinking, isUnfolded, reasoning } = this;
    return html`<button
        class="reasoning-toggle"
        type="button"
        aria-expanded=${isUnfolded}
        @click=${this.#toggle}
      >
        ${icon(ChevronRight)}<span>${this.#label()}</span>
        ${isThinking ? html`<i></i><i></i><i></i>` : nothing}
      </button>
      ${
        isUnfolded
          ? html`<webchat-markdown
              class="reasoning-text"
              .text=${reasoning.text}
              ?streaming=${isThinking}
            ></webchat-markdown>`
          : nothing
      }`;
  }

  #toggle(): void {
    this.isUnfolded = !this.isUnfolded;
    // The view follows reasoning that grows.
    if (this.isThinking) return;
    this.dispatchEvent(new CustomEvent('hold-scroll', { bubbles: true }));
  }

  #label(): string {
    if (this.isThinking) return reasoningWords.thinking();
    const { durationMs } = this.reasoning;
    if (durationMs < MIN_SHOWN_MS) return reasoningWords.thoughtBriefly();
    return reasoningWords.thought(formatSeconds(durationMs / 1000));
  }
}

customElements.define('webchat-reasoning', MessageReasoning);
