import { html, nothing } from 'lit';
import Copy from '@carbon/icons/es/copy/16.js';

import './markdown';

import type { App } from '../app';
import type { ThreadMessage } from '../state/thread';
import { copyText } from './clipboard';
import { LightElement } from './element';
import { icon } from './icon';

/** What is said under an answer that did not end by itself. */
const ENDINGS: Partial<Record<ThreadMessage['status'], string>> = {
  stopped: 'Stopped.',
  interrupted: 'The server went away in the middle of this answer.',
  truncated: 'The answer reached its length limit.',
  failed: 'This answer failed.',
};

export class WebchatMessage extends LightElement {
  static override properties = {
    app: { attribute: false },
    message: { attribute: false },
  };

  declare app: App;
  declare message: ThreadMessage;

  protected override render() {
    return this.message.role === 'user' ? this.#question() : this.#answer();
  }

  #question() {
    const { content, status } = this.message;
    return html`<article
      class="message question ${status}"
      aria-label="You"
      data-id=${this.message.id}
      tabindex="-1"
    >
      <p class="said" dir="auto">${content}</p>
      ${status === 'unsent' ? this.#unsent() : nothing}
    </article>`;
  }

  #unsent() {
    const { id, error } = this.message;
    return html`<div class="ending bad" role="alert">
      <span>${error ?? 'This message was not sent.'}</span>
      <button class="link" type="button" @click=${() => this.app.sendAgain(id)}>Send again</button>
      <button class="link" type="button" @click=${this.#edit}>Edit</button>
    </div>`;
  }

  #answer() {
    const { content, status } = this.message;
    const isStreaming = status === 'streaming';
    return html`<article
      class="message answer ${status}"
      aria-label="Answer"
      data-id=${this.message.id}
      tabindex="-1"
      aria-busy=${isStreaming}
    >
      ${
        isStreaming && content === ''
          ? html`<p class="thinking" aria-label="Thinking"><i></i><i></i><i></i></p>`
          : html`<markdown-text
              dir="auto"
              .text=${content}
              ?streaming=${isStreaming}
            ></markdown-text>`
      }
      ${this.#ending()}
      ${
        isStreaming || content === ''
          ? nothing
          : html`<div class="actions">
              <button class="quiet" type="button" aria-label="Copy answer" @click=${this.#copy}>
                ${icon(Copy)}
              </button>
            </div>`
      }
    </article>`;
  }

  #ending() {
    const { status, error } = this.message;
    const text = error ?? ENDINGS[status];
    if (!text) return nothing;
    const bad = status === 'failed' || error !== null;
    return html`<div class="ending ${bad ? 'bad' : ''}">${text}</div>`;
  }

  #copy(event: Event): void {
    void copyText(this.message.content, event.currentTarget);
  }

  #edit(): void {
    const text = this.app.takeBack(this.message.id);
    document.querySelector('webchat-composer')?.edit(text);
  }
}

customElements.define('webchat-message', WebchatMessage);
