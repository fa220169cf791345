import { html, type TemplateResult } from 'lit';

import { operationWords as words } from '../words/docs';
import type { ResponseSummary } from './api/api-document';
import { prose } from './prose';

/** The possible responses of an operation. */
export function responseTable(responses: readonly ResponseSummary[]): TemplateResult {
  return html`<table class="responses">
    <thead>
      <tr>
        <th scope="col">${words.status()}</th>
        <th scope="col">${words.description()}</th>
        <th scope="col">${words.mediaType()}</th>
        <th scope="col">${words.schema()}</th>
      </tr>
    </thead>
    <tbody>
      ${responses.map(row)}
    </tbody>
  </table>`;
}

function row({ status, description, mediaTypes, schemas }: ResponseSummary): TemplateResult {
  return html`<tr>
    <th scope="row">${status === 'default' ? words.otherStatus() : status}</th>
    <td>${prose(description)}</td>
    <td>${mediaTypes.map((mediaType) => html`<code>${mediaType}</code> `)}</td>
    <td>${[...new Set(schemas)].map((name) => html`<a href=${schemaLink(name)}>${name}</a> `)}</td>
  </tr>`;
}

/** The `base` element makes a mere fragment relative to the chat page. */
export function docsLink(id: string): string {
  return `api/docs#${id}`;
}

function schemaLink(name: string): string {
  return docsLink(`schema-${name}`);
}
