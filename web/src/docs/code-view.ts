import { html, type TemplateResult } from 'lit';

import { jsonTokens } from './api/json';

/** Longer JSON is not coloured: each piece is an element. */
const MAX_COLOURED_CHARACTERS = 30_000;

/** Renders JSON with colours. */
export function jsonView(json: string, label: string): TemplateResult {
  const content =
    json.length > MAX_COLOURED_CHARACTERS
      ? json
      : jsonTokens(json).map(({ kind, text }) =>
          kind === null ? text : html`<span class="json-${kind}">${text}</span>`,
        );
  return codeView(content, label);
}

/** Renders code, which the keyboard can scroll. */
export function codeView(content: unknown, label: string): TemplateResult {
  return html`<pre tabindex="0" role="group" aria-label=${label}><code>${content}</code></pre>`;
}
