import { html, nothing } from 'lit';

import type { AdminApi, AuditFilter } from '../../api/admin-api';
import type { AuditEntry } from '../../api/types';
import { formatTime } from '../../state/dates';
import { LightDomElement } from '../../ui/light-dom-element';
import { StoreController } from '../../ui/store-controller';
import { AUDIT_ACTIONS, auditWords as words } from '../../words/admin';
import { actorName, detailsOf, startOfDay } from './audit-entry';
import { CursorPages } from '../cursor-pages';
import { pagedTable } from '../pager';

/** The audit log, with its filter. */
export class AuditLog extends LightDomElement {
  static override properties = { api: { attribute: false } };

  declare api: AdminApi;

  readonly #list = new StoreController(this);
  #filter: AuditFilter = { user: '', action: '', from: '', until: '' };
  readonly #pages = new CursorPages<AuditEntry>(async (cursor) => {
    const { entries, next_cursor: next } = await this.api.audit(this.#filter, cursor);
    return { items: entries, next };
  });

  constructor() {
    super();
    this.#list.store = this.#pages.state;
  }

  protected override firstUpdated(): void {
    void this.#pages.load();
  }

  protected override render() {
    const isFiltered = Object.values(this.#filter).some((value) => value !== '');
    return html`
      <form class="admin-toolbar audit" @change=${this.#change} @submit=${this.#change}>
        <div class="form-item">
          <label for="audit-user">${words.user()}</label>
          <input id="audit-user" name="user" maxlength="64" autocomplete="off" />
        </div>
        <div class="form-item">
          <label for="audit-action">${words.action()}</label>
          <select id="audit-action" name="action">
            <option value="">${words.allActions()}</option>
            ${Object.entries(AUDIT_ACTIONS).map(
              ([action, label]) => html`<option value=${action}>${label()}</option>`,
            )}
          </select>
        </div>
        <div class="form-item">
          <label for="audit-from">${words.from()}</label>
          <input id="audit-from" name="from" type="date" />
        </div>
        <div class="form-item">
          <label for="audit-until">${words.until()}</label>
          <input id="audit-until" name="until" type="date" />
        </div>
      </form>
      ${pagedTable(
        this.#pages,
        words.entries(),
        isFiltered ? words.noMatches() : words.none(),
        (entries) => this.#table(entries),
      )}
    `;
  }

  #table(entries: readonly AuditEntry[]) {
    return html`<table class="data-table audit">
      <thead>
        <tr>
          <th scope="col">${words.time()}</th>
          <th scope="col">${words.actor()}</th>
          <th scope="col">${words.action()}</th>
          <th scope="col" class="wide-only">${words.subject()}</th>
          <th scope="col">${words.details()}</th>
        </tr>
      </thead>
      <tbody>
        ${entries.map((entry) => this.#row(entry))}
      </tbody>
    </table>`;
  }

  #row(entry: AuditEntry) {
    const { at, action, result, subject } = entry;
    return html`<tr>
      <td>${formatTime(new Date(at), new Date())}</td>
      <td>${actorName(entry)}</td>
      <td>
        ${AUDIT_ACTIONS[action]()}${
          result === 'refused' ? html` <span class="tag red">${words.refused()}</span>` : nothing
        }
      </td>
      <td class="wide-only">${subject?.name ?? subject?.user_id ?? nothing}</td>
      <td>
        <details>
          <summary aria-label=${words.detailsOf(entry.number)}>${words.details()}</summary>
          <dl class="facts">
            ${detailsOf(entry).map(
              ([name, value]) =>
                html`<div>
                  <dt>${name}</dt>
                  <dd>${value}</dd>
                </div>`,
            )}
          </dl>
        </details>
      </td>
    </tr>`;
  }

  #change(event: Event): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? '').trim();
    this.#filter = {
      user: text('user'),
      action: text('action'),
      from: startOfDay(text('from'), 0),
      // The chosen day is included.
      until: startOfDay(text('until'), 1),
    };
    void this.#pages.restart();
  }
}

customElements.define('webchat-audit-log', AuditLog);
