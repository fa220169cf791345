import '../styles/docs.scss';
import './side-index';

import { html, render, type TemplateResult } from 'lit';
import Chat from '@carbon/icons/es/chat/16.js';

import { ThemeChoice } from '../state/page/theme';
import { icon } from '../ui/icon';
import { notification } from '../ui/notifications/notification';
import { bindTooltips } from '../ui/overlays/tooltip';
import { themeButton } from '../ui/theme-switch';
import { docsWords as words } from '../words/docs';
import { headerWords } from '../words/shell';
import { type ApiDocument, groupByTag, type OperationGroup } from './api/api-document';
import { ApiOperation } from './operation';
import { prose } from './prose';
import { docsLink } from './response-table';
import { ApiSchema } from './schema';

/** Whether the index is shown beside the reference. The style sheet uses the same width. */
const HAS_SIDE_INDEX = matchMedia('(min-width: 66rem)');

const theme = new ThemeChoice();
theme.subscribe(renderHeader);
bindTooltips();
addEventListener('hashchange', showTarget);
renderHeader();
await load();

async function load(): Promise<void> {
  const main = document.querySelector('main');
  if (!main) return;
  try {
    const response = await fetch('api/openapi.json');
    if (!response.ok) throw new Error(`status ${response.status}`);
    render(page((await response.json()) as ApiDocument), main);
    showTarget();
  } catch {
    render(loadFailed(), main);
  }
}

function renderHeader(): void {
  const container = document.querySelector<HTMLElement>('.header');
  if (container) render(header(), container);
}

function header(): TemplateResult {
  return html`<a class="skip" href=${docsLink('reference')}>${words.skip()}</a>
    <p class="header-name"><a href="./">${headerWords.product()}</a></p>
    <a class="back" href="./">${icon(Chat)}<span>${words.openChat()}</span></a>
    ${themeButton(theme)}`;
}

function loadFailed(): TemplateResult {
  return notification({
    kind: 'error',
    title: words.loadFailed(),
    role: 'alert',
    actions: html`<button class="quiet" type="button" @click=${() => void load()}>
      ${words.tryAgain()}
    </button>`,
  });
}

function page(apiDocument: ApiDocument): TemplateResult {
  const { info, components } = apiDocument;
  const groups = groupByTag(apiDocument);
  return html`
    <nav class="docs-index" aria-label=${words.contents()}>
      <details ?open=${HAS_SIDE_INDEX.matches}>
        <summary>${words.contents()}</summary>
        <webchat-api-index .groups=${groups}></webchat-api-index>
      </details>
    </nav>
    <div class="reference" id="reference" tabindex="-1">
      <h1>${words.title()}</h1>
      <p class="aside">
        ${info.title} · ${words.version(info.version)} ·
        <a href="api/openapi.json">${words.openApiDocument()}</a>
      </p>
      <p>${prose(info.description ?? '')}</p>
      ${notification({
        kind: 'warning',
        title: words.requestsAreReal(),
        text: words.requestsAreRealDetails(),
      })}
      ${groups.map(groupView)}
      <section aria-labelledby="schemas">
        <h2 id="schemas">${words.schemas()}</h2>
        ${Object.entries(components.schemas).map(schemaView)}
      </section>
    </div>
  `;
}

function groupView({ id, name, description, operations }: OperationGroup): TemplateResult {
  return html`<section aria-labelledby=${id}>
    <h2 id=${id}>${name}</h2>
    <p>${prose(description)}</p>
    ${operations.map(
      (operation) =>
        html`<webchat-api-operation
          id=${operation.id}
          .operation=${operation}
        ></webchat-api-operation>`,
    )}
  </section>`;
}

function schemaView([name, schema]: [string, unknown]): TemplateResult {
  return html`<webchat-api-schema
    id="schema-${name}"
    .name=${name}
    .schema=${schema}
  ></webchat-api-schema>`;
}

/** Opens and shows the operation or schema that the address names. */
function showTarget(): void {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id === '' ? null : document.getElementById(id);
  if (target instanceof ApiOperation || target instanceof ApiSchema) target.isOpen = true;
  closeIndexOnSmallScreens();
  // After the render, which changes the layout.
  requestAnimationFrame(() => target?.scrollIntoView());
}

function closeIndexOnSmallScreens(): void {
  if (HAS_SIDE_INDEX.matches) return;
  document.querySelector('.docs-index details')?.removeAttribute('open');
}
