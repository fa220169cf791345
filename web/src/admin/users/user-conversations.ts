import { html, nothing } from 'lit';

import type { AdminApi } from '../../api/admin-api';
import { errorMessage } from '../../api/http';
import type { Conversation, Message } from '../../api/types';
import { formatDate, formatFullTime } from '../../state/dates';
import { downloadFile } from '../../ui/download';
import { LightDomElement } from '../../ui/light-dom-element';
import { conversationWords as words } from '../../words/admin';

/** The conversations of a user, which are shown for a reason that the audit log keeps. */
export class UserConversations extends LightDomElement {
  static override properties = {
    api: { attribute: false },
    isAdmin: { attribute: false },
    userId: { attribute: false },
    conversations: { state: true },
    next: { state: true },
    read: { state: true },
    messages: { state: true },
    nextBefore: { state: true },
    problem: { state: true },
    isBusy: { state: true },
  };

  declare api: AdminApi;
  /** Whether all conversations can be exported. */
  declare isAdmin: boolean;
  declare userId: string;
  /** `null` until a reason is given. */
  declare conversations: readonly Conversation[] | null;
  /** The cursor of more conversations. */
  declare next: string | null;
  /** The conversation that is being read. */
  declare read: Conversation | null;
  declare messages: readonly Message[];
  /** The position before which there are more messages. */
  declare nextBefore: number | null;
  declare problem: string | null;
  declare isBusy: boolean;

  #reason = '';

  constructor() {
    super();
    this.conversations = null;
    this.next = null;
    this.read = null;
    this.messages = [];
    this.nextBefore = null;
    this.problem = null;
    this.isBusy = false;
  }

  protected override render() {
    return html`<section aria-labelledby="user-conversations">
      <h3 id="user-conversations" tabindex="-1">${words.heading()}</h3>
      ${this.read === null ? this.#list() : this.#thread(this.read)}
      <p class="field-error" role="alert">${this.problem ?? nothing}</p>
    </section>`;
  }

  #list() {
    const { conversations } = this;
    if (conversations === null) return this.#form();
    const more = () => this.#run(() => this.#loadList());
    return html`${conversations.length === 0 ? html`<p class="aside">${words.none()}</p>` : nothing}
      <ul class="admin-list">
        ${conversations.map(
          (conversation) =>
            html`<li>
              <button
                class="link"
                type="button"
                dir="auto"
                @click=${() => this.#run(() => this.#open(conversation))}
              >
                ${conversation.title ?? words.untitled()}
              </button>
              <span class="helper-text">${formatDate(new Date(conversation.updated_at))}</span>
            </li>`,
        )}
      </ul>
      ${
        this.next === null
          ? nothing
          : html`<button class="quiet" type="button" @click=${more}>${words.more()}</button>`
      }
      ${this.isAdmin ? this.#exportButton() : nothing}`;
  }

  #exportButton() {
    return html`<button
      class="secondary"
      type="button"
      @click=${() => this.#run(() => this.#export())}
    >
      ${words.export()}
    </button>`;
  }

  #form() {
    return html`<form class="admin-form" @submit=${this.#show}>
      <div class="form-item">
        <label for="reason">${words.reason()}</label>
        <textarea
          id="reason"
          name="reason"
          rows="2"
          minlength="10"
          maxlength="500"
          aria-describedby="reason-hint"
          required
        ></textarea>
        <p class="helper-text" id="reason-hint">${words.reasonHint()}</p>
      </div>
      <div>
        <button class="secondary" type="submit" aria-disabled=${this.isBusy ? 'true' : nothing}>
          ${words.show()}
        </button>
      </div>
    </form>`;
  }

  #thread(conversation: Conversation) {
    const more = () => this.#run(() => this.#loadMessages(conversation));
    return html`<button class="quiet" type="button" @click=${() => this.#back()}>
        ${words.back()}
      </button>
      <h4 dir="auto">${conversation.title ?? words.untitled()}</h4>
      ${
        this.nextBefore === null
          ? nothing
          : html`<button class="quiet" type="button" @click=${more}>${words.earlier()}</button>`
      }
      <ol class="admin-messages">
        ${this.messages.map(
          ({ role, content, created_at: at }) =>
            html`<li class=${role}>
              <p class="helper-text">${words.author(role)} · ${formatFullTime(new Date(at))}</p>
              <p class="admin-message" dir="auto">${content}</p>
            </li>`,
        )}
      </ol>`;
  }

  #show(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    // The field may have line breaks, but the reason is one line.
    this.#reason = String(form.get('reason') ?? '')
      .replaceAll(/\s+/g, ' ')
      .trim();
    void this.#run(() => this.#loadList());
  }

  async #loadList(): Promise<void> {
    const page = await this.api.conversations(this.userId, this.#reason, this.next);
    this.conversations = [...(this.conversations ?? []), ...page.conversations];
    this.next = page.next_cursor ?? null;
  }

  async #open(conversation: Conversation): Promise<void> {
    this.messages = [];
    this.nextBefore = null;
    await this.#loadMessages(conversation);
    this.read = conversation;
  }

  async #loadMessages({ conversation_id: id }: Conversation): Promise<void> {
    const page = await this.api.messages(this.userId, id, this.#reason, this.nextBefore);
    this.messages = [...page.messages, ...this.messages];
    this.nextBefore = page.next_before ?? null;
  }

  async #export(): Promise<void> {
    const file = await this.api.exportUser(this.userId, this.#reason);
    downloadFile(file, `webchat-${this.userId}.json`);
  }

  #back(): void {
    this.read = null;
    void this.#focusHeading();
  }

  async #run(work: () => Promise<void>): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    this.problem = null;
    try {
      await work();
    } catch (error) {
      this.problem = errorMessage(error);
    } finally {
      this.isBusy = false;
    }
    await this.#focusHeading();
  }

  /** Keeps the focus in the section when its button is gone. */
  async #focusHeading(): Promise<void> {
    await this.updateComplete;
    if (!this.contains(document.activeElement)) this.querySelector<HTMLElement>('h3')?.focus();
  }
}

customElements.define('webchat-user-conversations', UserConversations);
