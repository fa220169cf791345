import { html, nothing } from 'lit';

import '../ui/countdown';

import type { App } from '../app/app';
import { statusNoteOf, type StatusNote } from '../state/thread/notes/status-notes';
import type { Action, ThreadMessage } from '../state/thread/thread-message';
import { focusConversation } from '../ui/focus';
import { LightDomElement } from '../ui/light-dom-element';
import { kindIcon } from '../ui/notification';
import { actionLabel, statusWords } from '../words/thread';

/** The status note of a message, with buttons for the suggested actions. */
export class MessageStatus extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    message: { attribute: false },
    isActionable: { attribute: false },
  };

  declare app: App;
  declare message: ThreadMessage;
  /** Whether the actions are possible: the message is the last one, and no turn is running. */
  declare isActionable: boolean;

  protected override render() {
    const note = statusNoteOf(this.message);
    if (!note) return nothing;
    const isUnsent = this.message.status === 'unsent';
    return html`<div
      class="status-note ${note.isError ? 'error' : ''}"
      role=${isUnsent ? 'alert' : nothing}
    >
      ${note.isError ? kindIcon('error') : nothing}
      <span>${note.text}</span>
      ${this.#countdownOrActions(note, isUnsent || this.isActionable)}
    </div>`;
  }

  #countdownOrActions({ actions }: StatusNote, areActionsPossible: boolean) {
    const { id, problem } = this.message;
    const retryAt = problem?.retryAt ?? null;
    if (retryAt !== null) {
      return html`<webchat-countdown
          .until=${retryAt}
          .text=${statusWords.resendsIn}
        ></webchat-countdown>
        ${this.#button(statusWords.cancel(), () => this.app.retries.cancel(id))}`;
    }
    if (!areActionsPossible) return nothing;
    return actions.map((action) => this.#button(actionLabel(action), () => this.#run(action)));
  }

  #button(label: string, run: () => void) {
    return html`<button class="link" type="button" @click=${run}>${label}</button>`;
  }

  #run(action: Action): void {
    const { app, message } = this;
    const { turnActions } = app;
    switch (action) {
      case 'continue':
        turnActions.continueAnswer(message.id);
        return focusConversation();
      case 'regenerate':
        turnActions.regenerate(message.id);
        return focusConversation();
      case 'send-again':
        app.resend(message.id);
        return focusConversation();
      case 'attach':
        app.attach([new File([app.withdraw(message.id)], 'message.txt')]);
        return focusConversation();
      case 'settings':
        void app.showSettings();
        return;
      case 'edit':
        if (message.role === 'assistant') turnActions.beginEdit(message.parentId ?? '');
        else document.querySelector('webchat-composer')?.restore(app.withdraw(message.id));
    }
  }
}

customElements.define('webchat-message-status', MessageStatus);
