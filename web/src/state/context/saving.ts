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

/** Runs a save, then `reload`: after a failure as well, so that the next save replaces the current version. */
export async function trySave(
  save: () => Promise<void>,
  reload: () => Promise<void>,
): Promise<SaveStatus> {
  let problem: string | null = null;
  try {
    await save();
  } catch (error) {
    problem = problemText(error);
  }
  await reload();
  return { isSaving: false, isSaved: problem === null, problem };
}

/** The reason why a save failed. After a conflict the user can save again. */
function problemText(error: unknown): string {
  if (error instanceof ApiError && ['stale', 'context_changed'].includes(error.code)) {
    return settingsWords.conflict();
  }
  return errorMessage(error);
}
