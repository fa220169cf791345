import { html, nothing } from 'lit';
import Copy from '@carbon/icons/es/copy/16.js';

import { copyText } from '../ui/clipboard';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import { notification } from '../ui/notifications/notification';
import { operationWords as words } from '../words/docs';
import { isChanging, type Operation, type Parameter, supportsStreaming } from './api/api-document';
import { codeView, jsonView } from './code-view';
import { pathCode, prose } from './prose';
import { buildRequest, curlCommand, type RequestValues } from './api/request';
import { readResponse, type ShownResponse } from './api/response';
import { responseTable } from './response-table';

/** The tag colour of each method. */
const COLOURS: Record<string, string> = {
  GET: 'blue',
  POST: 'green',
  PUT: 'teal',
  PATCH: 'purple',
  DELETE: 'red',
};

export function methodTag(method: string) {
  return html`<span class="tag method ${COLOURS[method] ?? ''}">${method}</span>`;
}

/** An operation: its description, a form that sends a request, the same request for curl, and the response. */
export class ApiOperation extends LightDomElement {
  static override properties = {
    operation: { attribute: false },
    isOpen: { attribute: false },
    response: { state: true },
    problem: { state: true },
    isSending: { state: true },
  };

  declare operation: Operation;
  declare isOpen: boolean;
  declare response: ShownResponse | null;
  declare problem: string | null;
  declare isSending: boolean;

  #request: AbortController | null = null;

  constructor() {
    super();
    this.isOpen = false;
    this.response = null;
    this.problem = null;
    this.isSending = false;
  }

  protected override render() {
    const { name, method, path, summary } = this.operation;
    return html`<details ?open=${this.isOpen} @toggle=${this.#handleToggle}>
      <summary>
        ${methodTag(method)}
        <h3>${name}</h3>
        ${pathCode(path)}
        <span class="summary-text">${prose(summary)}</span>
      </summary>
      ${this.isOpen ? html`<div class="operation-body">${this.#body()}</div>` : nothing}
    </details>`;
  }

  #body() {
    const { description, responses } = this.operation;
    return html`
      ${description === '' ? nothing : html`<p>${prose(description)}</p>`}
      <h4>${words.request()}</h4>
      ${this.#form()} ${this.#curl()}
      <div class="response" aria-live="polite">${this.#responseView()}</div>
      <h4>${words.responses()}</h4>
      ${responseTable(responses)}
    `;
  }

  #form() {
    const { operation } = this;
    return html`<form @submit=${this.#send} @input=${() => this.requestUpdate()}>
      ${operation.parameters.map((parameter) => this.#field(parameter))}
      ${operation.body === null ? nothing : this.#bodyField(operation.body)}
      ${operation.takesFile ? this.#fileField() : nothing}
      ${
        supportsStreaming(operation) && operation.method === 'POST'
          ? html`<label class="checkbox"
              ><input type="checkbox" name="stream" />${words.stream()}</label
            >`
          : nothing
      }
      <div class="form-buttons">
        <button class="primary">${words.tryIt()}</button>
        ${
          this.isSending
            ? html`<button class="secondary" type="button" @click=${() => this.#request?.abort()}>
                ${words.cancel()}
              </button>`
            : nothing
        }
        ${isChanging(operation) ? html`<span class="aside">${words.changesData()}</span>` : nothing}
      </div>
    </form>`;
  }

  #field({ name, in: place, description = '', required = false }: Parameter) {
    const id = `${this.operation.id}-${name}`;
    const kind = [words.parameterPlace(place), ...(required ? [words.required()] : [])].join(', ');
    return html`<div class="form-item">
      <label for=${id}><code>${name}</code> (${kind})</label>
      <input
        id=${id}
        name=${name}
        ?required=${required}
        autocomplete="off"
        autocapitalize="off"
        spellcheck="false"
        aria-describedby=${description === '' ? nothing : `${id}-description`}
      />
      ${
        description === ''
          ? nothing
          : html`<p class="helper-text" id="${id}-description">${prose(description)}</p>`
      }
    </div>`;
  }

  #bodyField(example: string) {
    const id = `${this.operation.id}-body`;
    const rows = Math.min(16, Math.max(3, example.split('\n').length));
    return html`<div class="form-item">
      <label for=${id}>${words.body()}</label>
      <textarea
        id=${id}
        name="body"
        rows=${rows}
        spellcheck="false"
        .defaultValue=${example}
      ></textarea>
    </div>`;
  }

  #fileField() {
    const id = `${this.operation.id}-file`;
    return html`<div class="form-item">
      <label for=${id}>${words.file()} (${words.required()})</label>
      <input id=${id} type="file" name="file" required />
    </div>`;
  }

  #curl() {
    const command = curlCommand(this.operation, this.#values(), document.baseURI);
    return html`<div class="curl">
      <div class="curl-head">
        <h4>${words.curl()}</h4>
        <button
          class="quiet"
          type="button"
          aria-label=${words.copyCurl()}
          @click=${(event: Event) => void copyText(command, event.currentTarget)}
        >
          ${icon(Copy)}
        </button>
      </div>
      ${codeView(command, words.curl())}
    </div>`;
  }

  #responseView() {
    if (this.problem !== null) {
      return notification({ kind: 'error', title: this.problem, role: 'alert' });
    }
    if (this.response === null) return this.isSending ? html`<p>${words.sending()}</p>` : nothing;
    const { status, headers, body, isJson, isTruncated, isComplete } = this.response;
    return html`<h4>${words.response()}</h4>
      <output>
        <p class="response-head">
          <span class="tag ${status < 400 ? 'green' : 'red'}">${status}</span>
          ${headers.map(([name, value]) => html`<code>${name}: ${value}</code>`)}
        </p>
        ${body === '' ? nothing : (isJson ? jsonView : codeView)(body, words.response())}
        ${isTruncated ? html`<p class="aside">${words.truncated()}</p>` : nothing}
        ${isComplete ? nothing : html`<p class="aside">${words.sending()}</p>`}
      </output>`;
  }

  #handleToggle(event: ToggleEvent): void {
    this.isOpen = event.newState === 'open';
  }

  #values(): RequestValues {
    const form = this.querySelector('form');
    const fields = form ? new FormData(form) : null;
    const text = (name: string): string => {
      const value = fields?.get(name);
      return typeof value === 'string' ? value : '';
    };
    const file = fields?.get('file');
    const { body } = this.operation;
    return {
      valueOf: ({ name }) => text(name),
      body: body === null ? null : form ? text('body') : body,
      file: file instanceof File && file.name !== '' ? file : null,
      isStreaming: fields?.has('stream') ?? false,
    };
  }

  async #send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    this.#request?.abort();
    const controller = new AbortController();
    this.#request = controller;
    const { path, init } = buildRequest(this.operation, this.#values());
    this.problem = null;
    this.response = null;
    this.isSending = true;
    try {
      const response = await fetch(path, { ...init, signal: controller.signal });
      await readResponse(response, (shown) => {
        if (this.#request === controller) this.response = shown;
      });
    } catch {
      this.#handleFailure(controller);
    }
    if (this.#request === controller) this.isSending = false;
  }

  /** What has arrived of a cancelled response stays. */
  #handleFailure(controller: AbortController): void {
    if (this.#request !== controller) return;
    if (controller.signal.aborted) {
      this.response = this.response && { ...this.response, isComplete: true };
    } else this.problem = words.requestFailed();
  }
}

customElements.define('webchat-api-operation', ApiOperation);
