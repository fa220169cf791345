import { type ConversationApi, type ExportFormat, savedFileUrl } from '../api/conversation-api';
import { errorCode } from '../api/http';
import type { Conversation } from '../api/types';
import type { Drafts } from '../state/composer/drafts';
import { ConversationList } from '../state/conversations/conversation-list';
import { describeImport, Imports, type ImportState } from '../state/conversations/imports';
import { PendingDeletions } from '../state/conversations/pending-deletions';
import { Renaming } from '../state/conversations/renaming';
import { Search } from '../state/conversations/search';
import type { Toasts } from '../state/page/toasts';
import type { TextStorage } from '../state/storage';
import { conversationWords as words } from '../words/app';
import { listWords } from '../words/sidebar';

/** The parts of the page that `Conversations` depends on. */
export interface ConversationsHost {
  toasts: Toasts;
  drafts: Drafts;
  /** The id of the open conversation. */
  currentId: () => string | null;
  open: (id: string) => void;
  newChat: () => void;
  /** Reloads the open conversation. */
  reloadConversation: (id: string) => void;
  /** Whether the dialog that imports conversations is open. */
  isImportDialogOpen: () => boolean;
  reportError: (error: unknown) => void;
}

/** The user's conversations: lists, search, imports and operations on whole conversations. */
export class Conversations {
  /** The conversations that are not archived. */
  readonly active: ConversationList;
  readonly archived: ConversationList;
  readonly search: Search;
  readonly imports: Imports;
  readonly renaming = new Renaming();
  readonly #pendingDeletions: PendingDeletions;
  #isArchiveLoaded = false;
  /** The id of the toast that can undo the last deletion. */
  #undoToastId: number | null = null;

  constructor(
    private readonly api: Omit<ConversationApi, 'config' | 'messages' | 'startConversation'>,
    storage: TextStorage,
    private readonly host: ConversationsHost,
  ) {
    this.active = new ConversationList((cursor) => api.conversations(cursor));
    this.archived = new ConversationList((cursor) => api.archived(cursor));
    this.search = new Search((query) => api.search(query));
    this.imports = new Imports(api, (state) => this.#showImportResult(state));
    this.#pendingDeletions = new PendingDeletions(storage);
    for (const id of this.#pendingDeletions.allIds()) this.#hide(id);
  }

  /** Completes the deletions that crashed tabs left pending, then loads the list. */
  async start(): Promise<void> {
    for (const id of this.#pendingDeletions.abandonedIds()) {
      this.#pendingDeletions.take(id);
      void this.api.delete(id).catch(() => {});
    }
    await this.active.load();
  }

  /** Reloads the lists. Needed after a reconnect: list changes are not replayed. */
  async reload(): Promise<void> {
    await this.active.load();
    if (this.#isArchiveLoaded) await this.archived.load();
  }

  async loadArchive(): Promise<void> {
    this.#isArchiveLoaded = true;
    await this.archived.load();
  }

  find(id: string): Conversation | undefined {
    return this.active.find(id) ?? this.archived.find(id);
  }

  /** Loads the title of a conversation that is not in the loaded lists; `null` if that fails. */
  async loadTitle(id: string): Promise<string | null> {
    try {
      return (await this.api.conversation(id)).title;
    } catch {
      return null;
    }
  }

  /** Adds a conversation to the lists if it is not in their loaded part. */
  async ensureListed(id: string): Promise<void> {
    if (this.find(id)) return;
    try {
      this.upsert(await this.api.conversation(id));
    } catch {
      // The messages are shown even if the conversation is not listed.
    }
  }

  /** Inserts or replaces the conversation in the list that it belongs to, and removes it from the other. */
  upsert(conversation: Conversation): void {
    const [list, other] = conversation.archived
      ? [this.archived, this.active]
      : [this.active, this.archived];
    other.remove(conversation.conversation_id);
    list.upsert(conversation);
  }

  update(id: string, changes: Partial<Conversation>): void {
    const current = this.find(id);
    if (current) this.upsert({ ...current, ...changes });
  }

  /** Removes the conversation from the lists, but not from the server. */
  unlist(id: string): void {
    this.active.remove(id);
    this.archived.remove(id);
  }

  /** Renames the conversation. If that fails, the title stays in its field. */
  async rename(id: string, title: string): Promise<void> {
    try {
      this.upsert(await this.api.rename(id, title));
    } catch (error) {
      this.host.reportError(error);
      if (this.find(id) && this.renaming.value === null) this.renaming.begin(id, title, false);
    }
  }

  async setArchived(id: string, archived: boolean): Promise<void> {
    await this.#tryOrReport(async () => {
      this.upsert(await this.api.setArchived(id, archived));
      const undo = { label: words.undo(), run: () => void this.setArchived(id, !archived) };
      this.host.toasts.show(archived ? words.archived() : words.unarchived(), { action: undo });
    });
  }

  /** Returns the file of an exported conversation; `null`, after showing the error, if that fails. */
  async export(id: string, format: ExportFormat): Promise<Blob | null> {
    let file: Blob | null = null;
    await this.#tryOrReport(async () => {
      file = await this.api.export(id, format);
    });
    return file;
  }

  async save(id: string): Promise<void> {
    await this.#tryOrReport(async () => {
      const name = await this.api.save(id);
      const download = { label: words.download(), href: savedFileUrl(name) };
      this.host.toasts.show(words.saved(), { action: download });
    });
  }

  async reset(id: string): Promise<void> {
    await this.#tryOrReport(async () => {
      await this.api.reset(id);
      this.host.toasts.show(words.cleared());
      if (this.host.currentId() === id) this.host.reloadConversation(id);
    });
  }

  /** Hides the conversation. It is deleted when its toast closes, or when the user leaves the page. */
  delete(id: string): void {
    const conversation = this.find(id);
    if (!conversation) return;
    const wasOpen = this.host.currentId() === id;
    this.#pendingDeletions.add(conversation);
    this.#hide(id);
    if (wasOpen) this.host.newChat();
    const undo = { label: words.undo(), run: () => this.#undoDelete(id, wasOpen) };
    const title = isolate(truncate(conversation.title ?? listWords.untitled()));
    this.#undoToastId = this.host.toasts.show(words.deleted(title), {
      action: undo,
      onend: () => void this.#commitDelete(id),
    });
  }

  undoDelete(): void {
    if (this.#undoToastId !== null) this.host.toasts.runAction(this.#undoToastId);
    this.#undoToastId = null;
  }

  /** Commits the deletions that this tab could still undo. Called when the user leaves the page. */
  commitDeletions(): void {
    for (const id of this.#pendingDeletions.ownIds()) this.api.deleteOnUnload(id);
  }

  #undoDelete(id: string, wasOpen: boolean): void {
    const conversation = this.#pendingDeletions.take(id);
    if (conversation) this.#reveal(conversation);
    if (wasOpen && this.host.currentId() === null) this.host.open(id);
  }

  async #commitDelete(id: string): Promise<void> {
    const conversation = this.#pendingDeletions.take(id);
    if (!conversation) return;
    try {
      await this.api.delete(id);
    } catch (error) {
      if (errorCode(error) !== 'conversation_not_found') {
        this.#reveal(conversation);
        this.host.reportError(error);
        return;
      }
    }
    this.host.drafts.forget(id);
  }

  #hide(id: string): void {
    this.active.hide(id);
    this.archived.hide(id);
  }

  #reveal(conversation: Conversation): void {
    this.active.reveal(conversation.conversation_id);
    this.archived.reveal(conversation.conversation_id);
    this.upsert(conversation);
  }

  /** Shows the result of an import as a toast, if the user has closed the dialog, which shows it too. */
  #showImportResult(state: ImportState): void {
    if (this.host.isImportDialogOpen()) return;
    this.host.toasts.show(describeImport(state), {
      kind: state.phase === 'complete' ? 'success' : 'error',
    });
  }

  async #tryOrReport(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.host.reportError(error);
    }
  }
}

const MAX_TITLE_CHARACTERS = 40;

/** Truncates between grapheme clusters, so that no visible character is split. */
function truncate(title: string): string {
  const characters = [...new Intl.Segmenter().segment(title)].map(({ segment }) => segment);
  if (characters.length <= MAX_TITLE_CHARACTERS) return title;
  return `${characters
    .slice(0, MAX_TITLE_CHARACTERS - 1)
    .join('')
    .trimEnd()}…`;
}

/** Keeps a right-to-left title from reordering the text around it. */
function isolate(title: string): string {
  return `\u2068${title}\u2069`;
}
