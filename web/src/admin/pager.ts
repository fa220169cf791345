import { html, nothing, type TemplateResult } from 'lit';
import Left from '@carbon/icons/es/chevron--left/16.js';
import Right from '@carbon/icons/es/chevron--right/16.js';

import { icon } from '../ui/icon';
import { notification } from '../ui/notifications/notification';
import { listWords as words } from '../words/admin';
import type { CursorPages } from './cursor-pages';

/** A page of a list as `table`, with its loading, empty and error states, and the buttons for other pages. */
export function pagedTable<T>(
  pages: CursorPages<T>,
  label: string,
  empty: string,
  table: (items: readonly T[]) => TemplateResult,
) {
  const { items, isLoading, problem } = pages.state.value;
  return html`
    ${problem === null ? nothing : loadProblem(problem, () => void pages.load())}
    <p class="visually-hidden" role="status">${isLoading ? words.loading() : nothing}</p>
    ${isLoading && items.length === 0 ? skeleton() : nothing}
    ${
      !isLoading && problem === null && items.length === 0
        ? html`<p class="admin-empty aside" role="status">${empty}</p>`
        : nothing
    }
    ${
      items.length === 0
        ? nothing
        : html`<div
            class="table-scroll"
            role="region"
            aria-label=${label}
            aria-busy=${isLoading ? 'true' : 'false'}
            tabindex="0"
          >
            ${table(items)}
          </div>`
    }
    ${pager(pages)}
  `;
}

export function loadProblem(problem: string, load: () => void) {
  return notification({
    kind: 'error',
    title: words.loadFailed(),
    text: problem,
    role: 'alert',
    actions: html`<button class="quiet" type="button" @click=${load}>${words.tryAgain()}</button>`,
  });
}

export function skeleton() {
  return html`<div class="skeleton rows" aria-hidden="true">
    ${[90, 72, 80, 64].map((width) => html`<div class="bar w${width}"></div>`)}
  </div>`;
}

function pager<T>(pages: CursorPages<T>) {
  const { hasNext, hasPrevious } = pages.state.value;
  if (!hasNext && !hasPrevious) return nothing;
  return html`<nav class="pager" aria-label=${words.pages()}>
    <button
      class="quiet"
      type="button"
      aria-disabled=${hasPrevious ? nothing : 'true'}
      @click=${() => void pages.previous()}
    >
      ${icon(Left)}${words.previous()}
    </button>
    <button
      class="quiet"
      type="button"
      aria-disabled=${hasNext ? nothing : 'true'}
      @click=${() => void pages.next()}
    >
      ${words.next()}${icon(Right)}
    </button>
  </nav>`;
}
