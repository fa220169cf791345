import { ApiError, errorMessage } from '../../api/http';
import { settingsWords } from '../../words/settings';

/** What the user sees beside a setting after pressing “Save”. */
export interface SaveStatus {
  isSaving: boolean;
  isSaved: boolean;
  /** Why the last save failed. */
  problem: string | null;
}

export const IDLE: SaveStatus = { isSaving: false, isSaved: false, problem: null };

/** The reason why a save failed. After a conflict the user can save again. */
export function problemText(error: unknown): string {
  if (error instanceof ApiError && ['stale', 'context_changed'].includes(error.code)) {
    return settingsWords.conflict();
  }
  return errorMessage(error);
}
