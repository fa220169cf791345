import type { TextStorage } from '../storage';

/** The unsaved edit of one setting; `null` if there is none. */
export interface SettingDraft {
  read(): string | null;
  write(text: string | null): void;
}

/** The unsaved edits of the settings. They survive closing the panel, opening another chat, and a reload. */
export class SettingDrafts {
  constructor(private readonly storage: TextStorage) {}

  /** The draft of a setting of a conversation or, with `null`, of the user. */
  of(conversationId: string | null, setting: string): SettingDraft {
    const name = `setting.${conversationId ?? 'user'}.${setting}`;
    return {
      read: () => this.storage.get(name),
      write: (text) => {
        if (text === null) this.storage.remove(name);
        else this.storage.set(name, text);
      },
    };
  }
}
