import { html, nothing } from 'lit';

import type { App } from '../app';

const STARTERS = [
  'Explain how tides work, in three sentences.',
  'Write a short poem about the sea.',
  'Give me a Python function that reverses a string.',
];

/** What stands in the thread where there are no messages. */

export function welcome(app: App) {
  const model = app.config.value?.model;
  return html`<section class="welcome">
    <h2>What would you like to know?</h2>
    <p>
      ${model ? html`<strong>${model}</strong> answers here. ` : nothing}Your conversations stay on
      this server, and are yours alone.
    </p>
    <ul>
      ${STARTERS.map(
        (text) =>
          html`<li>
            <button type="button" @click=${() => app.send(text)}>${text}</button>
          </li>`,
      )}
    </ul>
  </section>`;
}

export function loading() {
  return html`<div class="skeleton" role="status" aria-label="Loading the conversation">
    ${[40, 90, 82, 60].map((width) => html`<span class="bar w${width}"></span>`)}
  </div>`;
}

export function missing(app: App) {
  return dead(
    'This conversation is not here',
    'It was deleted, or it belongs to another browser.',
    html`<button class="primary" type="button" @click=${() => app.newChat()}>
      Start a new chat
    </button>`,
  );
}

export function unreadable(app: App) {
  return dead(
    'The conversation can’t be read',
    'The server can’t be reached, or has trouble with its storage.',
    html`<button class="primary" type="button" @click=${() => app.retry()}>Try again</button>`,
  );
}

function dead(heading: string, text: string, action: unknown) {
  return html`<section class="dead" role="alert">
    <h2>${heading}</h2>
    <p>${text}</p>
    ${action}
  </section>`;
}
