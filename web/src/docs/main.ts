import './docs.scss';

import { html, nothing, render, type TemplateResult } from 'lit';

import {
  buildRequest,
  type ApiDocument,
  groupByTag,
  type Operation,
  type Parameter,
} from './api-document';

/** The maximum number of characters of a response that are shown. */
const MAX_SHOWN_CHARACTERS = 100_000;

const main = document.querySelector('main');
const openapi = await fetch('api/openapi.json');
if (main) render(page((await openapi.json()) as ApiDocument), main);

function page(apiDocument: ApiDocument): TemplateResult {
  const { info, components } = apiDocument;
  return html`
    <h1>${info.title} <small>${info.version}</small></h1>
    <p>${info.description}</p>
    <p>
      <a href="api/openapi.json">OpenAPI 3.1 document</a>. Requests that you send from this page
      take effect.
    </p>
    ${groupByTag(apiDocument).map(
      ({ name, description: text, operations }) => html`
        <h2>${name}</h2>
        <p>${text}</p>
        ${operations.map(operationView)}
      `,
    )}
    <h2>Schemas</h2>
    ${Object.entries(components.schemas).map(
      ([name, schema]) => html`
        <details id="schema-${name}">
          <summary><code>${name}</code></summary>
          <pre>${JSON.stringify(schema, null, 2)}</pre>
        </details>
      `,
    )}
  `;
}

function operationView(operation: Operation): TemplateResult {
  return html`
    <details id=${operation.id}>
      <summary>
        <span class="method">${operation.method}</span>
        <code>${operation.path}</code> ${operation.summary}
      </summary>
      <p>${operation.description}</p>
      <form @submit=${(event: SubmitEvent) => void sendRequest(event, operation)}>
        ${operation.parameters.map(fieldView)}
        ${
          operation.body === null
            ? nothing
            : html`<label
                >Body <textarea name="body" rows="6" .value=${operation.body}></textarea>
              </label>`
        }
        ${
          supportsStreaming(operation)
            ? html`<label><input type="checkbox" name="stream" /> as an event stream</label>`
            : nothing
        }
        <button>Try it</button>
      </form>
      <output></output>
      <table>
        ${operation.responses.map(
          ({ status, description, mediaTypes, schema }) => html`
            <tr>
              <th scope="row">${status}</th>
              <td>${description}</td>
              <td>${mediaTypes.join(', ')}</td>
              <td>${schema ? html`<a href="api/docs#schema-${schema}">${schema}</a>` : nothing}</td>
            </tr>
          `,
        )}
      </table>
    </details>
  `;
}

function fieldView(parameter: Parameter): TemplateResult {
  const { name, description = '', required = false } = parameter;
  return html`
    <label>
      <span><code>${name}</code> (${parameter.in}) ${description}</span>
      <input name=${name} ?required=${required} autocomplete="off" />
    </label>
  `;
}

/** Whether the response is available as JSON and as an event stream. */
function supportsStreaming(operation: Operation): boolean {
  return operation.responses.some(({ mediaTypes }) => mediaTypes.length > 1);
}

async function sendRequest(event: SubmitEvent, operation: Operation): Promise<void> {
  event.preventDefault();
  const form = event.currentTarget as HTMLFormElement;
  const output = form.nextElementSibling as HTMLOutputElement;
  const fields = new FormData(form);
  const fieldValue = (name: string): string => String(fields.get(name) ?? '');
  const { path, init } = buildRequest(
    operation,
    ({ name }) => fieldValue(name),
    operation.body && fieldValue('body'),
  );
  const headers = new Headers(init.headers);
  if (fields.has('stream')) headers.set('accept', 'text/event-stream');
  output.textContent = '…';
  try {
    await showResponse(await fetch(path.replace(/^\//, ''), { ...init, headers }), output);
  } catch (error) {
    output.textContent = String(error);
  }
}

/** Shows the response as it arrives, because it may be an event stream. */
async function showResponse(response: Response, output: HTMLOutputElement): Promise<void> {
  const lines = [`${response.status} ${response.headers.get('content-type') ?? ''}`.trim()];
  for (const name of ['etag', 'allow', 'retry-after', 'x-request-id']) {
    const value = response.headers.get(name);
    if (value !== null) lines.push(`${name}: ${value}`);
  }
  output.textContent = `${lines.join('\n')}\n\n`;
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) {
    output.append(chunk.value);
    if ((output.textContent?.length ?? 0) > MAX_SHOWN_CHARACTERS) {
      output.append('\n…');
      await reader?.cancel();
      return;
    }
  }
}
