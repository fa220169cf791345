import type { Tagged, UserSettingsApi } from '../../api/context-api';
import type { UserSettings } from '../../api/types';
import { Store } from '../store';
import { IDLE, type SaveStatus, trySave } from './saving';

export interface UserSettingsState {
  /** `null` until they are loaded. */
  settings: UserSettings | null;
  status: SaveStatus;
}

/** Loads and changes the settings of the user, which apply to all conversations. */
export class UserSettingsEditor {
  readonly state = new Store<UserSettingsState>({ settings: null, status: IDLE });
  #etag: string | null = null;

  constructor(private readonly api: UserSettingsApi) {}

  /** Keeps the loaded settings if they can’t be loaded again. */
  async load(): Promise<void> {
    try {
      this.#show(await this.api.readSettings());
    } catch {
      // The panel shows no field for them, and loads them again when it is opened again.
    }
  }

  /** Forgets what became of the last save. */
  clearStatus(): void {
    if (!this.state.value.status.isSaving) this.#set({ status: IDLE });
  }

  /** Resolves to `false` if the change fails; the status then has the reason. */
  async saveInstructions(text: string | null): Promise<boolean> {
    this.#set({ status: { ...IDLE, isSaving: true } });
    const status = await trySave(
      () => this.api.changeSettings({ system_prompt: text }, this.#etag),
      () => this.load(),
    );
    this.#set({ status });
    return status.isSaved;
  }

  #show({ value, etag }: Tagged<UserSettings>): void {
    this.#etag = etag;
    this.#set({ settings: value });
  }

  #set(changes: Partial<UserSettingsState>): void {
    this.state.update((state) => ({ ...state, ...changes }));
  }
}
