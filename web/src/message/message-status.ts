import { html, nothing, type PropertyValues } from 'lit';

import '../ui/notifications/countdown';

import type { App } from '../app/app';
import { statusNoteOf, type StatusNote } from '../state/thread/notes/status-notes';
import type { Action, ThreadMessage } from '../state/thread/thread-message';
import { focusConversation } from '../ui/keyboard/focus';
import { LightDomElement } from '../ui/light-dom-element';
import { notification } from '../ui/notifications/notification';
import { StoreController } from '../ui/store-controller';
import { actionLabel, statusWords } from '../words/thread';

/** A message that is sent sooner needs no note. */
const PENDING_AFTER_MS = 1000;

/** The status note of a message, with buttons for the suggested actions. */
export class MessageStatus extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    message: { attribute: false },
    isActionable: { attribute: false },
    isPending: { state: true },
  };

  declare app: App;
  declare message: ThreadMessage;
  /** Whether the actions are possible: the message is the last one, and no turn is running. */
  declare isActionable: boolean;

  /** Whether the message has been waiting to be sent for some time. */
  declare isPending: boolean;

  readonly #context = new StoreController(this);
  #pendingTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.isPending = false;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('message')) return;
    const { status } = this.message;
    clearTimeout(this.#pendingTimer);
    this.isPending = this.isPending && status === 'sending';
    if (status === 'sending' && !this.isPending) {
      this.#pendingTimer = setTimeout(() => (this.isPending = true), PENDING_AFTER_MS);
    }
    const editor = this.app.contextEditor.value;
    if (status === 'truncated' && editor) this.#context.store = editor.state;
  }

  protected override render() {
    if (this.isPending) {
      return html`<p class="status-note" role="status">${statusWords.pending()}</p>`;
    }
    const context = this.app.contextEditor.value?.state.value.context;
    const note = statusNoteOf(this.message, context?.reply_tokens);
    if (!note) return nothing;
    const isUnsent = this.message.status === 'unsent';
    const actions = this.#countdownOrActions(note, isUnsent || this.isActionable);
    if (note.isError) {
      return notification({
        kind: 'error',
        text: note.text,
        actions,
        ...(isUnsent && { role: 'alert' }),
      });
    }
    return html`<div class="status-note">
      <span>${note.text}</span>
      <span class="status-actions">${actions ?? nothing}</span>
    </div>`;
  }

  /** Returns `undefined` if nothing can be done. */
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
    if (!areActionsPossible) return undefined;
    return actions.map((action) => this.#button(actionLabel(action), () => this.#run(action)));
  }

  #button(label: string, run: () => void) {
    return html`<button class="quiet" type="button" @click=${run}>${label}</button>`;
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
      case 'answer-length':
        void app.showSettings('length');
        return;
      case 'edit':
        if (message.role === 'assistant') turnActions.beginEdit(message.parentId ?? '');
        else document.querySelector('webchat-composer')?.restore(app.withdraw(message.id));
    }
  }
}

customElements.define('webchat-message-status', MessageStatus);
