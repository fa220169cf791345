import { html, nothing } from 'lit';

import type { App } from '../app/app';
import { endingOf, type Remedy } from '../state/thread/status-notes';
import type { ThreadMessage } from '../state/thread/thread-message';
import { LightElement } from '../ui/store-controller';
import { toComposer } from '../ui/focus';

const LABELS: Record<Remedy, string> = {
  continue: 'Continue',
  regenerate: 'Try again',
  'send-again': 'Send again',
  edit: 'Edit',
  attach: 'Attach as a file',
};

/** What is said under a message that did not go as it should, with what can be done about it. */
export class MessageEnding extends LightElement {
  static override properties = {
    app: { attribute: false },
    message: { attribute: false },
    isOpen: { attribute: false },
  };

  declare app: App;
  declare message: ThreadMessage;
  /** The conversation can go on from here. */
  declare isOpen: boolean;

  #timer: ReturnType<typeof setTimeout> | undefined;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  protected override render() {
    const ending = endingOf(this.message);
    if (!ending) return nothing;
    const left = this.#secondsLeft();
    const isUnsent = this.message.status === 'unsent';
    return html`<div
      class="ending ${ending.isBad ? 'bad' : ''}"
      role=${isUnsent ? 'alert' : nothing}
    >
      <span>${ending.text}</span>
      ${ending.hint === null ? nothing : html`<span>${ending.hint}</span>`}
      ${left > 0 ? html`<span aria-live="off">You can try again in ${left} s.</span>` : nothing}
      ${
        isUnsent || this.isOpen
          ? ending.remedies.map((remedy) => this.#remedy(remedy, left > 0))
          : nothing
      }
    </div>`;
  }

  #remedy(remedy: Remedy, isTooEarly: boolean) {
    const isOff = isTooEarly && remedy !== 'edit';
    return html`<button
      class="link"
      type="button"
      aria-disabled=${isOff ? 'true' : nothing}
      @click=${() => {
        if (!isOff) this.#do(remedy);
      }}
    >
      ${LABELS[remedy]}
    </button>`;
  }

  #do(remedy: Remedy): void {
    const { app, message } = this;
    const { turns } = app;
    switch (remedy) {
      case 'continue':
        turns.goOn(message.id);
        return toComposer();
      case 'regenerate':
        turns.regenerate(message.id);
        return toComposer();
      case 'send-again':
        app.sendAgain(message.id);
        return toComposer();
      case 'attach':
        void app.attach([new File([app.takeBack(message.id)], 'message.txt')]);
        return toComposer();
      case 'edit':
        if (message.role === 'assistant') turns.beginEdit(message.parentId ?? '');
        else document.querySelector('webchat-composer')?.edit(app.takeBack(message.id));
    }
  }

  #secondsLeft(): number {
    clearTimeout(this.#timer);
    const until = this.message.problem?.retryAt ?? 0;
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left > 0) this.#timer = setTimeout(() => this.requestUpdate(), 1000);
    return left;
  }
}

customElements.define('message-ending', MessageEnding);
