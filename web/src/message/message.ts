import { html, nothing } from 'lit';

import './markdown-text';
import './message-actions';
import './message-status';
import './question-editor';

import type { App } from '../app/app';
import type { QuestionEdit, Thread } from '../state/thread/thread';
import type { ThreadMessage } from '../state/thread/thread-message';
import { LightDomElement } from '../ui/light-dom-element';

/** A question or an answer. */
export class WebchatMessage extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    thread: { attribute: false },
    message: { attribute: false },
    isLast: { attribute: false },
    isBusy: { attribute: false },
    edit: { attribute: false },
    deferred: { attribute: false },
  };

  declare app: App;
  declare thread: Thread;
  declare message: ThreadMessage;
  declare isLast: boolean;
  /** Whether an answer is streaming, so that no other turn can start. */
  declare isBusy: boolean;
  /** The edit of this question; `null` if it is not being edited. */
  declare edit: QuestionEdit | null;
  /** Whether the text is rendered later, after the visible messages. */
  declare deferred: boolean;

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
        this.edit
          ? html`<webchat-question-editor
              .app=${this.app}
              .edit=${this.edit}
            ></webchat-question-editor>`
          : html`<p class="user-text" dir="auto">${content}</p>
              ${this.#footer()}`
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
          : html`<webchat-markdown
              .text=${content}
              .deferred=${this.deferred}
              ?streaming=${isStreaming}
            ></webchat-markdown>`
      }
      ${isStreaming ? nothing : this.#footer()}
    </article>`;
  }

  #footer() {
    const { app, message, isBusy, isLast } = this;
    return html`<webchat-message-status
        .app=${app}
        .message=${message}
        .isActionable=${isLast && !isBusy}
      ></webchat-message-status>
      <webchat-message-actions
        .app=${app}
        .message=${message}
        .isBusy=${isBusy}
      ></webchat-message-actions>`;
  }
}

customElements.define('webchat-message', WebchatMessage);
