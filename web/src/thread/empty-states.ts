import { html, nothing } from 'lit';

import '../ui/notifications/countdown';

import type { App } from '../app/app';
import { starters, threadWords, welcomeWords as words } from '../words/thread';
import { countdownWords } from '../words/ui';

/** The welcome text of a thread without messages. */
export function welcome(app: App) {
  const model = app.modelName(app.modelOfThread());
  return html`<section class="welcome">
    <h2>${words.heading()}</h2>
    <p>${model ? words.ready(model) : words.intro()} ${words.privacy()}</p>
    <ul aria-label=${words.starters()}>
      ${starters().map(
        ({ kind, text }) =>
          html`<li>
            <button type="button" @click=${() => app.begin(text)}>
              <small>${kind}</small><span>${text}</span>
            </button>
          </li>`,
      )}
    </ul>
    <p class="aside">
      ${words.caution()}
      <span class="keyboard-only"><kbd>?</kbd> ${words.shortcuts()}</span>
    </p>
  </section>`;
}

export function loadingSkeleton() {
  return html`<div class="skeleton message-list" role="status" aria-label=${words.loading()}>
    ${[40, 90, 82, 60].map((width) => html`<span class="bar w${width}"></span>`)}
    <span class="space"></span>
    ${[40, 82, 90, 72].map((width) => html`<span class="bar w${width}"></span>`)}
  </div>`;
}

export function notFound(app: App) {
  return emptyState(
    words.notFound(),
    words.notFoundReason(),
    html`<button class="primary" type="button" @click=${() => app.newChat()}>
      ${words.newChat()}
    </button>`,
  );
}

/** A conversation that can't be loaded. `retryAt` is when the page tries again by itself. */
export function loadFailed(app: App, problem: string, retryAt: number | null) {
  return emptyState(
    words.loadFailed(),
    problem,
    html`${
        retryAt === null
          ? nothing
          : html`<p>
              <webchat-countdown
                .until=${retryAt}
                .text=${countdownWords.retriesIn}
              ></webchat-countdown>
            </p>`
      }<button class="primary" type="button" @click=${() => app.reloadConversation()}>
        ${threadWords.tryAgain()}
      </button>`,
  );
}

function emptyState(heading: string, text: string, action: unknown) {
  return html`<section class="empty" role="alert">
    <h2>${heading}</h2>
    <p>${text}</p>
    ${action}
  </section>`;
}
