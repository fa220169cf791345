import { type Api, ApiError } from '../api/client';
import { type LibraryApi, savedUrl } from '../api/library-api';
import type { Conversation } from '../api/types';
import { Conversations } from '../state/library/conversations';
import type { Drafts } from '../state/composer/drafts';
import { Imports, type ImportState, outcomeOf } from '../state/library/imports';
import { Removals } from '../state/library/pending-deletions';
import { Search } from '../state/library/search';
import type { Toasts } from '../state/page/toasts';

/** What the library needs of the page around it. */
export interface Around {
  toasts: Toasts;
  drafts: Drafts;
  /** The conversation that is open. */
  current: () => string | null;
  open: (id: string) => void;
  newChat: () => void;
  /** Reads the open conversation again. */
  readAgain: (id: string) => void;
  failed: (error: unknown) => void;
}

/** The user's conversations, and what is done to them as a whole. */
export class Library {
  readonly conversations: Conversations;
  readonly archived: Conversations;
  readonly search: Search;
  readonly imports: Imports;
  readonly #removals: Removals;
  #isArchiveRead = false;
  /** The toast of the last deletion that can be undone. */
  #undoable: number | null = null;

  constructor(
    private readonly api: Pick<Api, 'conversations' | 'conversation' | 'rename' | 'remove'>,
    private readonly libraryApi: LibraryApi,
    storage: Storage | null,
    private readonly around: Around,
  ) {
    this.conversations = new Conversations((cursor) => api.conversations(cursor));
    this.archived = new Conversations((cursor) => libraryApi.archived(cursor));
    this.search = new Search((words) => libraryApi.search(words));
    this.imports = new Imports(libraryApi, (state) => this.#imported(state));
    this.#removals = new Removals(storage);
    for (const id of this.#removals.hidden()) this.#hide(id);
  }

  /** Deletes what a tab that crashed has left, and reads the list. */
  async start(): Promise<void> {
    for (const id of this.#removals.leftBehind()) {
      this.#removals.take(id);
      void this.api.remove(id).catch(() => {});
    }
    await this.conversations.load();
  }

  /** What was said while the connection was away is not said again. */
  async readAgain(): Promise<void> {
    await this.conversations.load();
    if (this.#isArchiveRead) await this.archived.load();
  }

  async readArchive(): Promise<void> {
    this.#isArchiveRead = true;
    await this.archived.load();
  }

  find(id: string): Conversation | undefined {
    return this.conversations.find(id) ?? this.archived.find(id);
  }

  /** Of one that the lists do not reach; `null` where it can't be read. */
  async titleOf(id: string): Promise<string | null> {
    try {
      return (await this.api.conversation(id)).title;
    } catch {
      return null;
    }
  }

  /** Lists one that is open, though the lists do not reach it yet. */
  async seek(id: string): Promise<void> {
    if (this.find(id)) return;
    try {
      this.place(await this.api.conversation(id));
    } catch {
      // Its messages are shown all the same.
    }
  }

  /** Puts it into the list where it belongs now. */
  place(conversation: Conversation): void {
    const [list, other] = conversation.archived
      ? [this.archived, this.conversations]
      : [this.conversations, this.archived];
    other.drop(conversation.conversation_id);
    list.put(conversation);
  }

  change(id: string, changes: Partial<Conversation>): void {
    const known = this.find(id);
    if (known) this.place({ ...known, ...changes });
  }

  drop(id: string): void {
    this.conversations.drop(id);
    this.archived.drop(id);
  }

  async rename(id: string, title: string): Promise<void> {
    await this.#try(async () => this.place(await this.api.rename(id, title)));
  }

  async archive(id: string, archived: boolean): Promise<void> {
    await this.#try(async () => {
      this.place(await this.libraryApi.archive(id, archived));
      const undo = { label: 'Undo', run: () => void this.archive(id, !archived) };
      this.around.toasts.say(archived ? 'Archived.' : 'Back in the list.', undo);
    });
  }

  async save(id: string): Promise<void> {
    await this.#try(async () => {
      const name = await this.libraryApi.save(id);
      const download = { label: 'Download', href: savedUrl(name) };
      this.around.toasts.say('Saved on the server.', download);
    });
  }

  async reset(id: string): Promise<void> {
    await this.#try(async () => {
      await this.libraryApi.reset(id);
      this.around.toasts.say('The conversation is empty.');
      if (this.around.current() === id) this.around.readAgain(id);
    });
  }

  /** Takes it from the user's eyes; it is deleted when its toast goes, or the page does. */
  remove(id: string): void {
    const conversation = this.find(id);
    if (!conversation) return;
    const wasOpen = this.around.current() === id;
    this.#removals.begin(conversation);
    this.#hide(id);
    if (wasOpen) this.around.newChat();
    const undo = { label: 'Undo', run: () => this.#undo(id, wasOpen) };
    const text = `“${isolated(shortened(conversation.title ?? 'New chat'))}” was deleted.`;
    this.#undoable = this.around.toasts.say(text, undo, () => void this.#settle(id));
  }

  undoRemoval(): void {
    if (this.#undoable !== null) this.around.toasts.act(this.#undoable);
    this.#undoable = null;
  }

  /** The page goes away: what was deleted is deleted now. */
  leave(): void {
    for (const id of this.#removals.ids()) this.libraryApi.removeLeaving(id);
  }

  #undo(id: string, wasOpen: boolean): void {
    const conversation = this.#removals.take(id);
    if (conversation) this.#reveal(conversation);
    if (wasOpen && this.around.current() === null) this.around.open(id);
  }

  async #settle(id: string): Promise<void> {
    const conversation = this.#removals.take(id);
    if (!conversation) return;
    try {
      await this.api.remove(id);
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'conversation_not_found')) {
        this.#reveal(conversation);
        this.around.failed(error);
        return;
      }
    }
    this.around.drafts.write(id, '');
  }

  #hide(id: string): void {
    this.conversations.hide(id);
    this.archived.hide(id);
  }

  #reveal(conversation: Conversation): void {
    this.conversations.reveal(conversation.conversation_id);
    this.archived.reveal(conversation.conversation_id);
    this.place(conversation);
  }

  #imported(state: ImportState): void {
    if (state.phase !== 'complete') return;
    this.around.toasts.say(outcomeOf(state));
  }

  async #try(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.around.failed(error);
    }
  }
}

const LONGEST = 40;

/** Cut between characters as a reader sees them, which may be many in the text. */
function shortened(title: string): string {
  const characters = [...new Intl.Segmenter().segment(title)].map(({ segment }) => segment);
  if (characters.length <= LONGEST) return title;
  return `${characters
    .slice(0, LONGEST - 1)
    .join('')
    .trimEnd()}…`;
}

/** A title from right to left does not turn the words around it. */
function isolated(title: string): string {
  return `\u2068${title}\u2069`;
}
