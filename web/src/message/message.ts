import { html, nothing, type PropertyValues } from 'lit';

import './content/markdown-text';
import './content/question-text';
import './message-actions';
import './message-details';
import './message-status';
import './question-editor';
import './reasoning';

import type { FileJob } from '../api/types';
import type { App } from '../app/app';
import { enqueue } from '../markdown/scheduler';
import { instructionsOf } from '../state/composer/analysed-files';
import type { QuestionEdit, Thread } from '../state/thread/thread';
import { isUnstored, type ThreadMessage } from '../state/thread/thread-message';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';
import { threadWords } from '../words/thread';
import { fileCard } from './file-card';

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
  /** Whether the message is rendered after those near the end, so that a long conversation opens quickly. */
  declare deferred: boolean;

  readonly #analysedFiles = new StoreController(this);

  protected override scheduleUpdate(): void | Promise<unknown> {
    if (this.hasUpdated || !this.deferred) return super.scheduleUpdate();
    return enqueue(() => void super.scheduleUpdate());
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) this.#analysedFiles.store = this.app.files.analysed;
  }

  protected override render() {
    return this.message.role === 'user' ? this.#question() : this.#answer();
  }

  #question() {
    const { id, status } = this.message;
    return html`<article
        class="message question ${status}"
        aria-label=${threadWords.you()}
        tabindex="-1"
        data-id=${id}
      >
        ${
          this.edit
            ? html`<webchat-question-editor
                .app=${this.app}
                .edit=${this.edit}
                .file=${this.#file()}
              ></webchat-question-editor>`
            : html`${this.#questionText()} ${this.#footer()}`
        }
      </article>
      ${this.#details()}`;
  }

  #questionText() {
    const { content } = this.message;
    const file = this.#file();
    const shown = file ? (instructionsOf(content, file) ?? content) : content;
    const text = html`<webchat-question-text
      class="user-text"
      .text=${shown}
    ></webchat-question-text>`;
    if (!file) return text;
    return html`<div class="with-file">${fileCard(file)} ${shown === '' ? nothing : text}</div>`;
  }

  /** The file that this question or answer is about. */
  #file(): FileJob | undefined {
    return this.app.files.analysed.about(this.message, this.thread);
  }

  #answer() {
    const { id, content, reasoning, status } = this.message;
    const isStreaming = status === 'streaming';
    const isThinking = isStreaming && content === '';
    return html`<article
        class="message answer ${status}"
        aria-label=${threadWords.answer()}
        aria-busy=${isStreaming}
        tabindex="-1"
        data-id=${id}
      >
        ${
          reasoning
            ? html`<webchat-reasoning
                .reasoning=${reasoning}
                .isThinking=${isThinking}
              ></webchat-reasoning>`
            : nothing
        }
        ${
          isThinking
            ? this.#waiting()
            : html`<webchat-markdown .text=${content} ?streaming=${isStreaming}></webchat-markdown>`
        }
        ${isStreaming ? nothing : this.#footer()}
      </article>
      ${isStreaming ? nothing : this.#details()}`;
  }

  /** Shown until there is text or reasoning. */
  #waiting() {
    if (this.message.reasoning) return nothing;
    const text = threadWords.thinking(this.app.modelName(this.message.model));
    return html`<p class="thinking"><i></i><i></i><i></i><span>${text}</span></p>`;
  }

  /** The details are beside the article, so that they are not part of the text that is read or selected. */
  #details() {
    if (this.edit || isUnstored(this.message)) return nothing;
    return html`<webchat-message-details
      .app=${this.app}
      .message=${this.message}
    ></webchat-message-details>`;
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
        .isLast=${isLast}
        .isBusy=${isBusy}
      ></webchat-message-actions>`;
  }
}

customElements.define('webchat-message', WebchatMessage);
