import './group-field';

import { html, nothing } from 'lit';

import type { AdminApi } from '../../api/admin-api';
import { errorMessage } from '../../api/http';
import type { AdminGroupChanges, UserGroup } from '../../api/types';
import { LightDomElement } from '../../ui/light-dom-element';
import { groupWords as words } from '../../words/admin';

/** The groups of a user, with who has given them. Fires `changed` after a change. */
export class UserGroups extends LightDomElement {
  static override properties = {
    api: { attribute: false },
    isAdmin: { attribute: false },
    userId: { attribute: false },
    groups: { attribute: false },
    problem: { state: true },
    isBusy: { state: true },
  };

  declare api: AdminApi;
  /** Whether groups can be added and removed. */
  declare isAdmin: boolean;
  declare userId: string;
  declare groups: readonly UserGroup[];
  declare problem: string | null;
  declare isBusy: boolean;

  constructor() {
    super();
    this.problem = null;
    this.isBusy = false;
  }

  protected override render() {
    return html`<section aria-labelledby="user-groups">
      <h3 id="user-groups" tabindex="-1">${words.heading()}</h3>
      ${this.groups.length === 0 ? html`<p class="aside">${words.none()}</p>` : nothing}
      <ul class="admin-list">
        ${this.groups.map((group) => this.#group(group))}
      </ul>
      ${this.isAdmin ? this.#form() : nothing}
      <p class="field-error" role="alert">${this.problem ?? nothing}</p>
    </section>`;
  }

  #group({ name, sources }: UserGroup) {
    const remove = () => void this.#remove(name);
    return html`<li>
      <span
        ><span dir="auto">${name}</span><br /><span class="helper-text"
          >${sources.map((source) => words.source(source)).join(', ')}</span
        ></span
      >
      ${
        this.isAdmin && sources.includes('manual')
          ? html`<button
              class="quiet"
              type="button"
              aria-label=${words.removeGroup(name)}
              @click=${remove}
            >
              ${words.remove()}
            </button>`
          : nothing
      }
    </li>`;
  }

  #form() {
    return html`<form class="role-form" @submit=${this.#add}>
      <div class="form-item">
        <label for="panel-group">${words.add()}</label>
        <webchat-group-field .api=${this.api} .fieldId=${'panel-group'}></webchat-group-field>
      </div>
      <button class="secondary" type="submit" aria-disabled=${this.isBusy ? 'true' : nothing}>
        ${words.addNow()}
      </button>
    </form>`;
  }

  readonly #add = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const name = String(new FormData(form).get('group') ?? '').trim();
    await this.#change({ add: [name], remove: [] });
    if (this.problem === null) form.reset();
  };

  async #remove(name: string): Promise<void> {
    await this.#change({ add: [], remove: [name] });
    await this.updateComplete;
    // Otherwise the button of the next group would have the focus, or none.
    if (this.problem === null) this.querySelector<HTMLElement>('h3')?.focus();
  }

  async #change(changes: AdminGroupChanges): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    this.problem = null;
    try {
      this.groups = (await this.api.changeGroups(this.userId, changes)).groups;
      this.dispatchEvent(new CustomEvent('changed'));
    } catch (error) {
      this.problem = errorMessage(error);
    } finally {
      this.isBusy = false;
    }
  }
}

customElements.define('webchat-user-groups', UserGroups);
