import { html, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';

import './conversation-row';

import type { App } from '../app/app';
import { type Conversations, groupByDay } from '../state/library/conversations';
import { LightElement, Watch } from '../ui/store-controller';

/** Conversations by the day of their last change; more are read towards the end. */
export class ConversationList extends LightElement {
  static override properties = {
    app: { attribute: false },
    list: { attribute: false },
    current: { attribute: false },
    empty: {},
  };

  declare app: App;
  declare list: Conversations;
  declare current: string | null;
  /** What is said where there are none. */
  declare empty: string;

  readonly #state = new Watch(this);
  /** The days of the reader's calendar go on while a page is open. */
  readonly #seen = () => this.requestUpdate();

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('visibilitychange', this.#seen);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('visibilitychange', this.#seen);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('list')) this.#state.store = this.list.state;
  }

  protected override render() {
    return html`<div class="conversations" @scroll=${this.#scrolled}>${this.#content()}</div>`;
  }

  #content() {
    const { phase, items } = this.list.state.value;
    if (phase === 'failed') {
      return html`<div class="hint" role="alert">
        <p>The conversations can’t be read.</p>
        <button class="link" type="button" @click=${() => this.list.load()}>Try again</button>
      </div>`;
    }
    if (phase === 'loading') {
      return html`<div class="skeleton rows" role="status" aria-label="Loading conversations">
        ${[40, 72, 55, 80, 64].map((width) => html`<span class="bar w${width}"></span>`)}
      </div>`;
    }
    if (items.length === 0) return html`<p class="hint">${this.empty}</p>`;
    return groupByDay(items, new Date()).map(
      (group) => html`
        <h2>${group.label}</h2>
        <ul>
          ${repeat(
            group.items,
            (item) => item.conversation_id,
            (item) =>
              html`<li>
                <conversation-row
                  .app=${this.app}
                  .conversation=${item}
                  .isCurrent=${item.conversation_id === this.current}
                ></conversation-row>
              </li>`,
          )}
        </ul>
      `,
    );
  }

  #scrolled(event: Event): void {
    const scroller = event.currentTarget as HTMLElement;
    const left = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    // A page that can't be read now is asked for again by the next scrolling.
    if (left < scroller.clientHeight) void this.list.loadMore().catch(() => {});
  }
}

customElements.define('conversation-list', ConversationList);
