import './docs.scss';

import { html, nothing, render, type TemplateResult } from 'lit';

import { type Description, groups, type Operation, type Parameter, request } from './description';

/** No more of an answer is shown. */
const SHOWN = 100_000;

const main = document.querySelector('main');
const answer = await fetch('/api/openapi.json');
if (main) render(page((await answer.json()) as Description), main);

function page(description: Description): TemplateResult {
  const { info, components } = description;
  return html`
    <h1>${info.title} <small>${info.version}</small></h1>
    <p>${info.description}</p>
    <p><a href="/api/openapi.json">The document</a>, as OpenAPI 3.1. What is tried here is done.</p>
    ${groups(description).map(
      ({ name, text, all }) => html`
        <h2>${name}</h2>
        <p>${text}</p>
        ${all.map(operation)}
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

function operation(one: Operation): TemplateResult {
  return html`
    <details id=${one.id}>
      <summary>
        <span class="method">${one.method}</span> <code>${one.path}</code> ${one.summary}
      </summary>
      <p>${one.description}</p>
      <form @submit=${(event: SubmitEvent) => void ask(event, one)}>
        ${one.parameters.map(field)}
        ${
          one.body === null
            ? nothing
            : html`<label
                >Body <textarea name="body" rows="6" .value=${one.body}></textarea>
              </label>`
        }
        ${
          streams(one)
            ? html`<label><input type="checkbox" name="stream" /> as a stream of events</label>`
            : nothing
        }
        <button>Try it</button>
      </form>
      <output></output>
      <table>
        ${one.responses.map(
          ({ status, description, types, schema }) => html`
            <tr>
              <th scope="row">${status}</th>
              <td>${description}</td>
              <td>${types.join(', ')}</td>
              <td>${schema ? html`<a href="#schema-${schema}">${schema}</a>` : nothing}</td>
            </tr>
          `,
        )}
      </table>
    </details>
  `;
}

function field(parameter: Parameter): TemplateResult {
  const { name, description = '', required = false } = parameter;
  return html`
    <label>
      <span><code>${name}</code> (${parameter.in}) ${description}</span>
      <input name=${name} ?required=${required} autocomplete="off" />
    </label>
  `;
}

/** Whether the answer can be had in both ways. */
function streams(one: Operation): boolean {
  return one.responses.some(({ types }) => types.length > 1);
}

async function ask(event: SubmitEvent, one: Operation): Promise<void> {
  event.preventDefault();
  const form = event.currentTarget as HTMLFormElement;
  const output = form.nextElementSibling as HTMLOutputElement;
  const fields = new FormData(form);
  const text = (name: string): string => String(fields.get(name) ?? '');
  const { path, init } = request(one, ({ name }) => text(name), one.body && text('body'));
  const headers = new Headers(init.headers);
  if (fields.has('stream')) headers.set('accept', 'text/event-stream');
  output.textContent = '…';
  try {
    await show(await fetch(path, { ...init, headers }), output);
  } catch (error) {
    output.textContent = String(error);
  }
}

/** The answer as it comes: some go on. */
async function show(response: Response, output: HTMLOutputElement): Promise<void> {
  const shown = [`${response.status} ${response.headers.get('content-type') ?? ''}`.trim()];
  for (const name of ['etag', 'allow', 'retry-after', 'x-request-id']) {
    const value = response.headers.get(name);
    if (value !== null) shown.push(`${name}: ${value}`);
  }
  output.textContent = `${shown.join('\n')}\n\n`;
  const parts = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await parts?.read(); part && !part.done; part = await parts?.read()) {
    output.append(part.value);
    if ((output.textContent?.length ?? 0) > SHOWN) {
      output.append('\n…');
      await parts?.cancel();
      return;
    }
  }
}
