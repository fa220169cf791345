import { html, nothing } from 'lit';
import Checkmark from '@carbon/icons/es/checkmark--filled/20.js';
import Close from '@carbon/icons/es/close/20.js';
import Failure from '@carbon/icons/es/error--filled/20.js';
import Information from '@carbon/icons/es/information--filled/20.js';
import Warning from '@carbon/icons/es/warning--filled/20.js';
import WarningSmall from '@carbon/icons/es/warning--filled/16.js';

import { dismissWords } from '../../words/ui';
import { icon } from '../icon';

export type NotificationKind = 'info' | 'success' | 'warning' | 'error';

interface Notification {
  kind: NotificationKind;
  title?: string;
  text?: string;
  /** Ghost buttons (`quiet`), beside the text or, on a phone, below it. */
  actions?: unknown;
  /** Adds a button that closes the notification. */
  close?: () => void;
  /** How screen readers announce the text: at once (`alert`) or when they are idle (`status`). */
  role?: 'alert' | 'status';
}

const ICONS = { info: Information, success: Checkmark, warning: Warning, error: Failure };

export function kindIcon(kind: NotificationKind) {
  return icon(ICONS[kind]);
}

/** Carbon's inline notification: an icon of its kind, a title, a text and buttons. */
export function notification({ kind, title, text, actions, close, role }: Notification) {
  return html`<div class="notification ${kind}">
    ${kindIcon(kind)}
    <div class="notification-content">
      <p class="notification-text" role=${role ?? nothing}>
        ${title === undefined ? nothing : html`<strong>${title}</strong>`}${text ?? nothing}
      </p>
      ${actions === undefined ? nothing : html`<div class="notification-actions">${actions}</div>`}
    </div>
    ${
      close === undefined
        ? nothing
        : html`<button
            class="quiet"
            type="button"
            aria-label=${dismissWords.dismiss()}
            @click=${close}
          >
            ${icon(Close)}
          </button>`
    }
  </div>`;
}

/** The error of a form field, which has this element as `aria-describedby`. Stands below the field. */
export function fieldError(id: string, text: string) {
  return html`<p class="field-error" id=${id} role="alert">
    ${icon(WarningSmall)}<span>${text}</span>
  </p>`;
}
