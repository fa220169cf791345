import { html, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';

import './conversation-row';

import type { App } from '../app/app';
import { type ConversationList, groupByDate } from '../state/conversations/conversation-list';
import { LightDomElement } from '../ui/light-dom-element';
import { StoreController } from '../ui/store-controller';
import { listWords as words } from '../words/sidebar';

/** Conversations grouped by the date of their last update. Scrolling to the end loads more. */
export class WebchatConversationList extends LightDomElement {
  static override properties = {
    app: { attribute: false },
    list: { attribute: false },
    currentConversationId: { attribute: false },
    emptyText: { attribute: false },
  };

  declare app: App;
  declare list: ConversationList;
  declare currentConversationId: string | null;
  /** The text for an empty list. */
  declare emptyText: string;

  readonly #state = new StoreController(this);
  readonly #marks = new StoreController(this);
  readonly #renaming = new StoreController(this);
  /** The date may have changed while the tab was in the background. */
  readonly #handleVisibilityChange = () => this.requestUpdate();

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('visibilitychange', this.#handleVisibilityChange);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('visibilitychange', this.#handleVisibilityChange);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('app')) {
      this.#marks.store = this.app.marks;
      this.#renaming.store = this.app.conversations.renaming;
    }
    if (changed.has('list')) this.#state.store = this.list.state;
  }

  protected override render() {
    return html`<div class="conversations" @scroll=${this.#handleScroll}>${this.#content()}</div>`;
  }

  #content() {
    const { phase, items } = this.list.state.value;
    if (phase === 'failed') {
      return html`<div class="hint" role="alert">
        <p>${words.loadFailed()}</p>
        <button class="link" type="button" @click=${() => this.list.load()}>
          ${words.tryAgain()}
        </button>
      </div>`;
    }
    if (phase === 'loading') {
      return html`<div class="skeleton rows" role="status" aria-label=${words.loading()}>
        ${[40, 72, 55, 80, 64].map((width) => html`<span class="bar w${width}"></span>`)}
      </div>`;
    }
    if (items.length === 0) return html`<p class="hint">${this.emptyText}</p>`;
    return groupByDate(items, new Date()).map(
      (group) => html`
        <h2>${group.label}</h2>
        <ul>
          ${repeat(
            group.items,
            (item) => item.conversation_id,
            (item) =>
              html`<li>
                <webchat-conversation-row
                  .app=${this.app}
                  .conversation=${item}
                  .isCurrent=${item.conversation_id === this.currentConversationId}
                  .mark=${this.app.marks.get(item.conversation_id)}
                  .isRenaming=${item.conversation_id === this.app.conversations.renaming.value}
                ></webchat-conversation-row>
              </li>`,
          )}
        </ul>
      `,
    );
  }

  #handleScroll(event: Event): void {
    const scroller = event.currentTarget as HTMLElement;
    const remaining = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    // Scrolling again retries a page that failed to load.
    if (remaining < scroller.clientHeight) void this.list.loadMore().catch(() => {});
  }
}

customElements.define('webchat-conversation-list', WebchatConversationList);
