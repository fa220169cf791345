import { html, nothing } from 'lit';
import SearchIcon from '@carbon/icons/es/search/16.js';

import { icon } from '../ui/icon';
import { LightDomElement } from '../ui/light-dom-element';
import { docsWords as words } from '../words/docs';
import type { OperationGroup } from './api/api-document';
import { filterGroups } from './api/filter';
import { methodTag } from './operation';
import { docsLink } from './response-table';

/** The list of all operations, with a filter. */
export class ApiIndex extends LightDomElement {
  static override properties = { groups: { attribute: false }, filterText: { state: true } };

  declare groups: readonly OperationGroup[];
  declare filterText: string;

  constructor() {
    super();
    this.groups = [];
    this.filterText = '';
  }

  protected override render() {
    const groups = filterGroups(this.groups, this.filterText);
    return html`
      <div class="search">
        ${icon(SearchIcon)}
        <input
          type="search"
          aria-label=${words.filter()}
          placeholder=${words.filter()}
          autocomplete="off"
          @input=${(event: Event) => (this.filterText = (event.target as HTMLInputElement).value)}
        />
      </div>
      <p class="no-matches aside" role="status">
        ${groups.length === 0 ? words.noMatches(this.filterText) : nothing}
      </p>
      ${groups.map(
        ({ id, name, operations }) => html`
          <a class="index-group" href=${docsLink(id)}>${name}</a>
          <ul>
            ${operations.map(
              (operation) =>
                html`<li>
                  <a href=${docsLink(operation.id)}
                    ><span>${operation.name}</span>${methodTag(operation.method)}</a
                  >
                </li>`,
            )}
          </ul>
        `,
      )}
      ${
        this.filterText === ''
          ? html`<a class="index-group" href=${docsLink('schemas')}>${words.schemas()}</a>`
          : nothing
      }
    `;
  }
}

customElements.define('webchat-api-index', ApiIndex);
