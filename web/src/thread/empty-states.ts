import { html } from 'lit';

import type { App } from '../app/app';

const STARTERS = [
  ['Explain', 'Explain how tides work, in three sentences.'],
  ['Write', 'Write a short poem about the sea.'],
  ['Code', 'Give me a Python function that reverses a string.'],
] as const;

/** The welcome text of a thread without messages. */
export function welcome(app: App) {
  const config = app.config.value;
  return html`<section class="welcome">
    <h2>What would you like to know?</h2>
    <p>
      ${
        config?.model
          ? html`You are chatting with <strong>${config.model}</strong>. `
          : 'Chat with a language model. '
      }Your
      conversations are stored on this server, and only you can see them.
    </p>
    <ul aria-label="Things to try">
      ${STARTERS.map(
        ([kind, text]) =>
          html`<li>
            <button type="button" @click=${() => app.send(text)}>
              <small>${kind}</small><span>${text}</span>
            </button>
          </li>`,
      )}
    </ul>
    <p class="aside">
      Answers can be wrong: check important information.
      <span class="keyboard-only">Press <kbd>?</kbd> for shortcuts.</span>
    </p>
  </section>`;
}

export function loadingSkeleton() {
  return html`<div
    class="skeleton message-list"
    role="status"
    aria-label="Loading the conversation"
  >
    ${[40, 90, 82, 60].map((width) => html`<span class="bar w${width}"></span>`)}
    <span class="space"></span>
    ${[40, 82, 90, 72].map((width) => html`<span class="bar w${width}"></span>`)}
  </div>`;
}

export function notFound(app: App) {
  return emptyState(
    'Conversation not found',
    'It was deleted, or it was started in another browser.',
    html`<button class="primary" type="button" @click=${() => app.newChat()}>
      Start a new chat
    </button>`,
  );
}

export function loadFailed(app: App, problem: string) {
  return emptyState(
    'The conversation can’t be loaded',
    problem,
    html`<button class="primary" type="button" @click=${() => app.reloadConversation()}>
      Try again
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
