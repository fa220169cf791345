import { html, nothing } from 'lit';

import type { App } from '../app/app';
import { statusNoteOf, type Action } from '../state/thread/status-notes';
import type { ThreadMessage } from '../state/thread/thread-message';
import { focusComposer } from '../ui/focus';
import { LightDomElement } from '../ui/light-dom-element';

const LABELS: Record<Action, string> = {
  continue: 'Continue',
  regenerate: 'Try again',
  'send-again': 'Send again',
  edit: 'Edit',
  attach: 'Attach as a file',
};

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

  #timer: ReturnType<typeof setTimeout> | undefined;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  protected override render() {
    const note = statusNoteOf(this.message);
    if (!note) return nothing;
    const secondsLeft = this.#secondsLeft();
    const isUnsent = this.message.status === 'unsent';
    return html`<div
      class="status-note ${note.isError ? 'error' : ''}"
      role=${isUnsent ? 'alert' : nothing}
    >
      <span>${note.text}</span>
      ${note.hint === null ? nothing : html`<span>${note.hint}</span>`}
      ${secondsLeft > 0 ? html`<span aria-live="off">You can try again in ${secondsLeft} s.</span>` : nothing}
      ${
        isUnsent || this.isActionable
          ? note.actions.map((action) => this.#actionButton(action, secondsLeft > 0))
          : nothing
      }
    </div>`;
  }

  #actionButton(action: Action, isTooEarly: boolean) {
    const isDisabled = isTooEarly && action !== 'edit';
    return html`<button
      class="link"
      type="button"
      aria-disabled=${isDisabled ? 'true' : nothing}
      @click=${() => {
        if (!isDisabled) this.#run(action);
      }}
    >
      ${LABELS[action]}
    </button>`;
  }

  #run(action: Action): void {
    const { app, message } = this;
    const { turnActions } = app;
    switch (action) {
      case 'continue':
        turnActions.continueAnswer(message.id);
        return focusComposer();
      case 'regenerate':
        turnActions.regenerate(message.id);
        return focusComposer();
      case 'send-again':
        app.resend(message.id);
        return focusComposer();
      case 'attach':
        void app.attach([new File([app.withdraw(message.id)], 'message.txt')]);
        return focusComposer();
      case 'edit':
        if (message.role === 'assistant') turnActions.beginEdit(message.parentId ?? '');
        else document.querySelector('webchat-composer')?.restore(app.withdraw(message.id));
    }
  }

  #secondsLeft(): number {
    clearTimeout(this.#timer);
    const retryAt = this.message.problem?.retryAt ?? 0;
    const left = Math.ceil((retryAt - Date.now()) / 1000);
    if (left > 0) this.#timer = setTimeout(() => this.requestUpdate(), 1000);
    return left;
  }
}

customElements.define('webchat-message-status', MessageStatus);
