import type { PropertyValues } from 'lit';

import type { App } from '../app/app';
import { toSpeech, completeSentences } from '../state/thread/sentences';
import { statusNoteOf } from '../state/thread/notes/status-notes';
import type { Thread } from '../state/thread/thread';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';
import { announcerWords, reasoningWords } from '../words/thread';

/** Sentences that arrive within this time are announced together. */
const BATCH_MS = 1500;
/** The maximum number of announcements kept in the page. */
const MAX_ANNOUNCEMENTS = 20;

/** Announces a streaming answer to screen readers, politely and in complete sentences. */
export class LiveAnnouncer extends LightDomElement {
  static override properties = { app: { attribute: false }, thread: { attribute: false } };

  declare app: App;
  declare thread: Thread;

  readonly #state = new StoreController(this, () => this.#update());
  /** The streaming answer. */
  #answerId: string | null = null;
  /** The answer announced last, and how much of its text has been announced. */
  #announcedId: string | null = null;
  #announcedLength = 0;
  /** Whether it was announced that the model is reasoning. */
  #isThinkingAnnounced = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.className = 'visually-hidden';
    this.setAttribute('role', 'log');
    this.setAttribute('aria-live', 'polite');
    this.setAttribute('aria-label', announcerWords.label());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('thread')) {
      this.#state.store = this.thread.state;
      this.#answerId = null;
      this.replaceChildren();
    }
    this.#update();
  }

  #update(): void {
    const answer = this.thread.state.value.messages.findLast(
      ({ status }) => status === 'streaming',
    );
    if (answer && answer.id !== this.#answerId) {
      this.#answerId = answer.id;
      // The existing text of a continued answer has been announced before.
      if (answer.id !== this.#announcedId) this.#announcedLength = 0;
      this.#announcedId = answer.id;
      this.#isThinkingAnnounced = false;
      this.#announce(announcerWords.answering(this.app.modelName(answer.model)));
    }
    if (this.#answerId === null) return;
    if (answer?.reasoning && answer.content === '') this.#announceThinking();
    if (answer) this.#timer ??= setTimeout(() => this.#announceSentences(), BATCH_MS);
    else this.#announceEnd(this.#answerId);
  }

  /** Announces that the model is reasoning, but not what. */
  #announceThinking(): void {
    if (this.#isThinkingAnnounced) return;
    this.#isThinkingAnnounced = true;
    this.#announce(reasoningWords.thinking());
  }

  #announceSentences(): void {
    this.#timer = undefined;
    const answer = this.#answerId === null ? undefined : this.thread.find(this.#answerId);
    if (!answer) return;
    const { text, end } = completeSentences(answer.content, this.#announcedLength);
    this.#announcedLength = end;
    this.#announce(text);
  }

  #announceEnd(answerId: string): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#answerId = null;
    const answer = this.thread.find(answerId);
    if (!answer) return;
    this.#announce(toSpeech(answer.content.slice(this.#announcedLength)));
    this.#announcedLength = answer.content.length;
    const context = this.app.contextEditor.value?.state.value.context;
    const note = statusNoteOf(answer, context?.reply_tokens);
    if (note) this.#announce(note.text);
  }

  #announce(text: string): void {
    if (text === '') return;
    const line = document.createElement('p');
    line.textContent = text;
    this.append(line);
    while (this.childElementCount > MAX_ANNOUNCEMENTS) this.firstElementChild?.remove();
  }
}

customElements.define('webchat-live-announcer', LiveAnnouncer);
