import { html, nothing } from 'lit';
import Checkmark from '@carbon/icons/es/checkmark--filled/16.js';

import type { SaveStatus } from '../state/context/saving';
import { icon } from '../ui/icon';
import { settingsWords as words } from '../words/settings';

interface SaveRow {
  /** The name of the button “Save”, which says what it saves. */
  label: string;
  isChanged: boolean;
  status: SaveStatus;
  cancel: () => void;
  /** A button that is shown while nothing is changed. */
  reset?: { label: string; run: () => void } | null;
}

/**
 * The buttons of a setting, and what became of the last save. “Save” is shown once the setting was changed. The form
 * has the submit handler.
 */
export function saveRow({ label, isChanged, status, cancel, reset }: SaveRow) {
  const { isSaving, isSaved, problem } = status;
  const isSaveShown = isChanged || isSaving || isSaved || problem !== null;
  return html`<div class="save-row">
    ${
      isSaveShown
        ? html`<button
            class="primary small"
            type="submit"
            aria-label=${isSaving ? nothing : label}
            aria-disabled=${!isChanged || isSaving ? 'true' : nothing}
          >
            ${isSaving ? words.saving() : words.save()}
          </button>`
        : nothing
    }
    ${
      isChanged
        ? html`<button class="quiet" type="button" @click=${cancel}>${words.cancel()}</button>`
        : nothing
    }
    ${
      reset && !isChanged
        ? html`<button class="quiet" type="button" @click=${reset.run}>${reset.label}</button>`
        : nothing
    }
    <span class="save-state" role="status">${stateOf(isChanged, status)}</span>
  </div>`;
}

function stateOf(isChanged: boolean, { isSaving, isSaved }: SaveStatus) {
  if (isSaving) return nothing;
  if (isChanged) return words.unsaved();
  return isSaved ? html`<span class="saved">${icon(Checkmark)}${words.saved()}</span>` : nothing;
}
