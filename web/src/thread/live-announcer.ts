import type { PropertyValues } from 'lit';

import { endingOf } from '../state/thread/status-notes';
import { speakable, wholeSentences } from '../state/thread/sentences';
import type { Thread } from '../state/thread/thread';
import { LightElement, Watch } from '../ui/store-controller';

/** Sentences that come faster than this are said together. */
const PAUSE_MS = 1500;
/** What was said long ago needs not stay in the page. */
const KEPT = 20;

/** Says an answer to a screen reader as it comes: politely, and in whole sentences. */
export class AnswerReader extends LightElement {
  static override properties = { thread: { attribute: false } };

  declare thread: Thread;

  readonly #state = new Watch(this);
  #answerId: string | null = null;
  /** How much of the answer was said, and of which. */
  #said = 0;
  #saidOf: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.className = 'visually-hidden';
    this.setAttribute('role', 'log');
    this.setAttribute('aria-live', 'polite');
    this.setAttribute('aria-label', 'The answer as it comes');
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
    this.#listen();
  }

  #listen(): void {
    const answer = this.thread.state.value.messages.findLast(
      ({ status }) => status === 'streaming',
    );
    if (answer && answer.id !== this.#answerId) {
      this.#answerId = answer.id;
      // Of an answer that goes on, what is there was heard before.
      if (answer.id !== this.#saidOf) this.#said = 0;
      this.#saidOf = answer.id;
      this.#say('Answering…');
    }
    if (this.#answerId === null) return;
    if (answer) this.#timer ??= setTimeout(() => this.#saySentences(), PAUSE_MS);
    else this.#sayEnd(this.#answerId);
  }

  #saySentences(): void {
    this.#timer = undefined;
    const answer = this.#answerId === null ? undefined : this.thread.find(this.#answerId);
    if (!answer) return;
    const { words, end } = wholeSentences(answer.content, this.#said);
    this.#said = end;
    this.#say(words);
  }

  #sayEnd(answerId: string): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#answerId = null;
    const answer = this.thread.find(answerId);
    if (!answer) return;
    this.#say(speakable(answer.content.slice(this.#said)));
    this.#said = answer.content.length;
    const ending = endingOf(answer);
    if (ending) this.#say(ending.text);
  }

  #say(words: string): void {
    if (words === '') return;
    const line = document.createElement('p');
    line.textContent = words;
    this.append(line);
    while (this.childElementCount > KEPT) this.firstElementChild?.remove();
  }
}

customElements.define('answer-reader', AnswerReader);
