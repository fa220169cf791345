import { Store } from '../store';
import { browserStorage, TextStorage } from '../storage';
import { newClientMessageId } from './client-message-id';

const NEW_CHAT = 'new';
const TAB = 'tab';

/**
 * The unsent texts: one for each conversation and one for each edited question. They survive a reload.
 *
 * Tabs share the draft of a conversation. If two tabs write in the same conversation, the second one keeps its
 * draft separately, so that neither overwrites the other. The separate draft comes back when the shared one is
 * gone.
 */
export class Drafts {
  /** Whether a draft could not be stored, because the storage is full or blocked. */
  readonly isUnstored = new Store(false);
  /** The shared texts that this tab last read or wrote, by name. */
  readonly #known = new Map<string, string>();

  constructor(
    private readonly storage: TextStorage,
    private readonly tab: string = tabId(),
  ) {}

  read(conversationId: string | null): string {
    return this.#read(conversationId ?? NEW_CHAT);
  }

  write(conversationId: string | null, text: string): void {
    this.#write(conversationId ?? NEW_CHAT, text);
  }

  readEdit(conversationId: string, messageId: string): string {
    return (
      this.#read(editName(conversationId, messageId)) ||
      this.#read(closedEditName(conversationId, messageId))
    );
  }

  writeEdit(conversationId: string, messageId: string, text: string): void {
    this.#write(editName(conversationId, messageId), text);
    this.#write(closedEditName(conversationId, messageId), '');
  }

  /** Keeps the draft of an edit, but does not open its editor when the conversation is opened again. */
  closeEdit(conversationId: string, messageId: string): void {
    const text = this.readEdit(conversationId, messageId);
    this.writeEdit(conversationId, messageId, '');
    this.#write(closedEditName(conversationId, messageId), text);
  }

  /** The ids of the questions whose editor was left open with a draft. */
  openEdits(conversationId: string): string[] {
    const prefix = `draft.${editName(conversationId, '')}`;
    const ids = this.storage.names(prefix).map((name) => name.slice(prefix.length).split('.')[0]);
    return [...new Set(ids)].filter((id) => id !== undefined);
  }

  /** Deletes all drafts of a conversation. */
  forget(conversationId: string): void {
    for (const name of this.storage.names(`draft.${conversationId}`)) this.storage.remove(name);
  }

  #read(key: string): string {
    const shared = `draft.${key}`;
    const own = this.storage.get(`${shared}.${this.tab}`);
    if (own !== null) return own;
    const text = this.storage.get(shared) ?? this.#restoreSeparate(shared);
    this.#known.set(shared, text);
    return text;
  }

  /** Makes the separate draft of a tab the shared one, when there is no shared one any more. */
  #restoreSeparate(shared: string): string {
    const separate = this.storage.names(`${shared}.`)[0];
    if (separate === undefined) return '';
    const text = this.storage.get(separate) ?? '';
    this.storage.remove(separate);
    this.storage.set(shared, text);
    return text;
  }

  #write(key: string, text: string): void {
    const shared = `draft.${key}`;
    const own = `${shared}.${this.tab}`;
    const stored = this.storage.get(shared) ?? '';
    const isOfOtherTab = stored !== '' && stored !== (this.#known.get(shared) ?? '');
    const isSeparate = isOfOtherTab || this.storage.get(own) !== null;
    const name = isSeparate ? own : shared;
    if (!isSeparate) this.#known.set(shared, text);
    if (text === '') this.storage.remove(name);
    else if (!this.storage.set(name, text)) this.isUnstored.set(true);
  }
}

function editName(conversationId: string, messageId: string): string {
  return `${conversationId}/${messageId}`;
}

function closedEditName(conversationId: string, messageId: string): string {
  return `${conversationId}/closed/${messageId}`;
}

/** An id of this tab, which survives a reload. */
function tabId(): string {
  const storage = new TextStorage(browserStorage('sessionStorage'));
  const id = storage.get(TAB) ?? newClientMessageId();
  storage.set(TAB, id);
  return id;
}
