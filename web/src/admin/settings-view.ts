import { html, nothing } from 'lit';

import type { AdminApi } from '../api/admin-api';
import { errorMessage } from '../api/http';
import type { EffectiveSetting, SettingsSection } from '../api/types';
import { LightDomElement } from '../ui/light-dom-element';
import { settingsViewWords as words } from '../words/admin';
import { loadProblem, skeleton } from './pager';

const DEFAULT = 'default';

/** The settings of the server, which can only be read here. */
export class SettingsView extends LightDomElement {
  static override properties = {
    api: { attribute: false },
    sections: { state: true },
    problem: { state: true },
    showsAll: { state: true },
  };

  declare api: AdminApi;
  /** `null` until they are loaded. */
  declare sections: readonly SettingsSection[] | null;
  declare problem: string | null;
  /** Whether settings that are not set, or have their defaults, are shown too. */
  declare showsAll: boolean;

  constructor() {
    super();
    this.sections = null;
    this.problem = null;
    this.showsAll = false;
  }

  protected override firstUpdated(): void {
    void this.#load();
  }

  protected override render() {
    if (this.problem !== null) return loadProblem(this.problem, () => void this.#load());
    if (this.sections === null) return skeleton();
    const isShown = ({ source }: EffectiveSetting) =>
      this.showsAll || (source !== null && source !== DEFAULT);
    const sections = this.sections.map(({ name, settings }) => ({
      name,
      settings: settings.filter(isShown),
    }));
    return html`
      <p class="aside">${words.intro()}</p>
      <label class="checkbox">
        <input
          type="checkbox"
          .checked=${this.showsAll}
          @change=${() => (this.showsAll = !this.showsAll)}
        />
        <span>${words.showAll()}</span>
      </label>
      ${
        sections.every(({ settings }) => settings.length === 0)
          ? html`<p class="admin-empty aside" role="status">${words.allDefaults()}</p>`
          : sections.map((section) => this.#section(section))
      }
    `;
  }

  #section({ name, settings }: SettingsSection) {
    if (settings.length === 0) return nothing;
    const id = `settings-${name}`;
    return html`<div>
      <h2 id=${id}>${name}</h2>
      <div class="table-scroll" role="region" aria-labelledby=${id} tabindex="0">
        <table class="data-table settings">
          <thead>
            <tr>
              <th scope="col">${words.setting()}</th>
              <th scope="col">${words.value()}</th>
              <th scope="col">${words.source()}</th>
            </tr>
          </thead>
          <tbody>
            ${settings.map((setting) => this.#row(setting))}
          </tbody>
        </table>
      </div>
    </div>`;
  }

  #row({ variable, value, source }: EffectiveSetting) {
    return html`<tr>
      <th scope="row"><code>${variable}</code></th>
      <td>${shownValue(value, source)}</td>
      <td>${source === null ? nothing : words.sourceName(source)}</td>
    </tr>`;
  }

  async #load(): Promise<void> {
    this.problem = null;
    try {
      this.sections = (await this.api.settings()).sections;
    } catch (error) {
      this.problem = errorMessage(error);
    }
  }
}

function shownValue(value: unknown, source: string | null) {
  if (source === null) return html`<span class="aside">${words.notSet()}</span>`;
  if (value === null) return html`<span class="aside">${words.secret()}</span>`;
  if (typeof value === 'boolean') return value ? words.on() : words.off();
  return html`<code>${Array.isArray(value) ? value.join(', ') : String(value)}</code>`;
}

customElements.define('webchat-admin-settings', SettingsView);
