import { html, nothing } from 'lit';

import './markdown-text';
import './message-actions';
import './message-status';
import './question-editor';

import type { App } from '../app/app';
import type { Editing, Thread } from '../state/thread/thread';
import type { ThreadMessage } from '../state/thread/thread-message';
import { LightElement } from '../ui/store-controller';

export class WebchatMessage extends LightElement {
  static override properties = {
    app: { attribute: false },
    thread: { attribute: false },
    message: { attribute: false },
    isLast: { attribute: false },
    isBusy: { attribute: false },
    editing: { attribute: false },
    waits: { attribute: false },
  };

  declare app: App;
  declare thread: Thread;
  declare message: ThreadMessage;
  declare isLast: boolean;
  /** An answer is being made: nothing else can be asked. */
  declare isBusy: boolean;
  /** Of this question, if it is being changed. */
  declare editing: Editing | null;
  /** Its text may come after what is seen first. */
  declare waits: boolean;

  protected override render() {
    return this.message.role === 'user' ? this.#question() : this.#answer();
  }

  #question() {
    const { id, content, status } = this.message;
    return html`<article
      class="message question ${status}"
      aria-label="You"
      tabindex="-1"
      data-id=${id}
    >
      ${
        this.editing
          ? html`<question-editor .app=${this.app} .editing=${this.editing}></question-editor>`
          : html`<p class="said" dir="auto">${content}</p>
              ${this.#below()}`
      }
    </article>`;
  }

  #answer() {
    const { id, content, status } = this.message;
    const isStreaming = status === 'streaming';
    return html`<article
      class="message answer ${status}"
      aria-label="Answer"
      aria-busy=${isStreaming}
      tabindex="-1"
      data-id=${id}
    >
      ${
        isStreaming && content === ''
          ? html`<p class="thinking" role="img" aria-label="Thinking"><i></i><i></i><i></i></p>`
          : html`<markdown-text
              .text=${content}
              .waits=${this.waits}
              ?streaming=${isStreaming}
            ></markdown-text>`
      }
      ${isStreaming ? nothing : this.#below()}
    </article>`;
  }

  #below() {
    const { app, message, isBusy, isLast } = this;
    return html`<message-ending
        .app=${app}
        .message=${message}
        .isOpen=${isLast && !isBusy}
      ></message-ending>
      <message-actions .app=${app} .message=${message} .isBusy=${isBusy}></message-actions>`;
  }
}

customElements.define('webchat-message', WebchatMessage);
