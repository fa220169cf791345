import { html, nothing } from 'lit';
import Circle from '@carbon/icons/es/circle-dash/16.js';
import Checkmark from '@carbon/icons/es/checkmark--filled/16.js';
import Failure from '@carbon/icons/es/error--filled/16.js';
import Warning from '@carbon/icons/es/warning--filled/16.js';

import type { AdminApi } from '../api/admin-api';
import { errorMessage } from '../api/http';
import type { AdminModel, Deployment } from '../api/types';
import { formatTime } from '../state/dates';
import { formatNumber, formatTenths } from '../state/numbers';
import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import { modelsViewWords as words } from '../words/admin';
import { loadProblem, skeleton } from './pager';

/** The time between two requests for the state of the deployments. */
const REFRESH_MS = 10_000;

/** The models, and how their deployments work. While the page is visible, the states stay up to date. */
export class ModelsView extends LightDomElement {
  static override properties = {
    api: { attribute: false },
    models: { state: true },
    problem: { state: true },
  };

  declare api: AdminApi;
  /** `null` until they are loaded. */
  declare models: readonly AdminModel[] | null;
  declare problem: string | null;

  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.models = null;
    this.problem = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => {
      if (!document.hidden) void this.#load();
    }, REFRESH_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  protected override firstUpdated(): void {
    void this.#load();
  }

  protected override render() {
    return html`
      <p class="aside">${words.intro()}</p>
      ${this.problem === null ? nothing : loadProblem(this.problem, () => void this.#load())}
      ${
        this.models?.map((model, index) => modelSection(model, index)) ??
        (this.problem === null ? skeleton() : nothing)
      }
    `;
  }

  async #load(): Promise<void> {
    try {
      this.models = (await this.api.models()).models;
      this.problem = null;
    } catch (error) {
      this.problem = errorMessage(error);
    }
  }
}

function modelSection({ id, name, groups, deployments }: AdminModel, index: number) {
  const headingId = `model-${index}`;
  return html`<div>
    <h2 id=${headingId}>${name ?? id}</h2>
    <p class="model-access aside">
      ${name === null || name === id ? nothing : html`<code>${id}</code> · `}${access(groups)}
    </p>
    <div class="table-scroll" role="region" aria-labelledby=${headingId} tabindex="0">
      <table class="data-table deployments">
        <thead>
          <tr>
            <th scope="col">${words.deployment()}</th>
            <th scope="col">${words.state()}</th>
            <th scope="col" class="wide-only">${words.firstToken()}</th>
            <th scope="col">${words.lastFailure()}</th>
          </tr>
        </thead>
        <tbody>
          ${deployments.map(deploymentRow)}
        </tbody>
      </table>
    </div>
  </div>`;
}

function access(groups: readonly string[]): string {
  const [first, ...others] = groups;
  if (first === undefined) return words.everybody();
  return others.length === 0 ? words.group(first) : words.groups(groups.join(', '));
}

function deploymentRow(deployment: Deployment) {
  const { name, host, answered_after_ms: answeredAfter, last_failure: failure } = deployment;
  return html`<tr>
    <th scope="row">
      ${name}${host === null || host === name ? nothing : html`<br /><span class="aside">${host}</span>`}
    </th>
    <td>${stateOf(deployment)}</td>
    <td class="wide-only">
      ${answeredAfter === null ? nothing : words.seconds(formatTenths(answeredAfter / 1000))}
    </td>
    <td>
      ${
        failure === null
          ? words.none()
          : html`${words.failure(failure.code)}<br /><time datetime=${failure.at}
                >${formatTime(new Date(failure.at), new Date())}</time
              >`
      }
    </td>
  </tr>`;
}

function stateOf(deployment: Deployment) {
  const { breaker, paused_for_ms: pausedFor, answered_after_ms: answeredAfter } = deployment;
  if (breaker === 'open') return indicator('error', Failure, words.failing());
  if (breaker === 'half_open') return indicator('warning', Warning, words.probed());
  if (pausedFor !== null) {
    return indicator('warning', Warning, words.busy(formatNumber(Math.ceil(pausedFor / 1000))));
  }
  if (answeredAfter !== null) return indicator('success', Checkmark, words.working());
  if (deployment.last_failure !== null) return indicator('warning', Warning, words.failed());
  return indicator('unused', Circle, words.unused());
}

/** Carbon's status indicator. */
function indicator(kind: string, mark: typeof Circle, text: string) {
  return html`<span class="deployment-state ${kind}">${icon(mark)}${text}</span>`;
}

customElements.define('webchat-admin-models', ModelsView);
