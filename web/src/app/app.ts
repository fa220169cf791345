import { type Api, ApiError } from '../api/client';
import type { ContextApi } from '../api/context-api';
import type { FileApi } from '../api/file-api';
import { Library } from './library';
import type { LibraryApi } from '../api/library-api';
import { Incoming } from './event-dispatcher';
import type { Config } from '../api/types';
import { Reader } from './conversation-loader';
import type { LiveSocket } from '../api/socket';
import { pathOf, placeIn } from '../state/page/address';
import { ContextEditor } from '../state/context/context-editor';
import type { Conversations } from '../state/library/conversations';
import type { Drafts } from '../state/composer/drafts';
import { Files } from '../state/composer/files';
import { newClientMessageId } from '../state/composer/client-message-id';
import { Notice } from '../state/page/notice';
import { Store } from '../state/store';
import { Thread } from '../state/thread/thread';
import { Toasts } from '../state/page/toasts';
import { Turns } from './turn-actions';

/** What stands over the page. */
export type Dialog = { kind: 'context' | 'shortcuts' | 'import' } | { kind: 'reset'; id: string };

/** How the page talks to the server. */
export interface Calls {
  api: Api;
  libraryApi: LibraryApi;
  contextApi: ContextApi;
  fileApi: FileApi;
}

/** What the page can do: it brings together what is known, the server, and the address. */
export class App {
  readonly config = new Store<Config | null>(null);
  readonly thread = new Store<Thread>(new Thread(null, 'new'));
  readonly toasts = new Toasts();
  readonly library: Library;
  /** What went wrong, said once. */
  readonly notice = new Notice(null);
  readonly dialog = new Store<Dialog | null>(null);
  /** What goes to the model, while it is looked at. */
  readonly context = new Store<ContextEditor | null>(null);
  readonly files: Files;
  readonly turns: Turns;
  readonly #reader: Reader;
  private readonly api: Api;
  readonly #contextApi: ContextApi;
  #wasConnected = false;

  constructor(
    { api, libraryApi, contextApi, fileApi }: Calls,
    readonly socket: LiveSocket,
    readonly drafts: Drafts,
    storage: Storage | null,
    private readonly address: Pick<History, 'pushState' | 'replaceState'>,
  ) {
    this.api = api;
    this.#contextApi = contextApi;
    this.files = new Files(fileApi);
    this.turns = new Turns(this.thread, socket, this.notice);
    this.library = new Library(api, libraryApi, storage, {
      toasts: this.toasts,
      drafts,
      current: () => this.thread.value.conversationId,
      open: (id) => void this.open(id),
      newChat: () => this.newChat(),
      readAgain: () => void this.retry(),
      failed: (error) => this.#failed(error),
    });
    this.#reader = new Reader(api, socket, this);
    const incoming = new Incoming(this, this.#reader, this.context);
    socket.onframe = (frame) => incoming.receive(frame);
    socket.connection.subscribe(() => this.#connectionChanged());
  }

  get conversations(): Conversations {
    return this.library.conversations;
  }

  async start(path: string): Promise<void> {
    this.socket.connect();
    void this.#readConfig();
    void this.library.start();
    await this.visit(path);
  }

  /** Shows what an address names, without changing the address. */
  async visit(path: string): Promise<void> {
    const named = placeIn(path);
    if (named === null) {
      this.#reader.show(new Thread(null, 'new'));
      return;
    }
    if (this.thread.value.conversationId !== named.id) await this.#reader.load(named.id);
    if (named.position !== null) await this.thread.value.showMessage(named.position);
  }

  async open(id: string, position: number | null = null): Promise<void> {
    if (this.thread.value.conversationId !== id || position !== null) {
      this.address.pushState(null, '', pathOf(id, position));
    }
    await this.visit(pathOf(id, position));
  }

  openBeside(step: 1 | -1): void {
    const beside = this.conversations.beside(this.thread.value.conversationId, step);
    if (beside) void this.open(beside.conversation_id);
  }

  /** What goes to the model. A new chat begins with it: its prompt comes before its first question. */
  async showContext(): Promise<void> {
    const id = (await this.#startedThread())?.conversationId;
    if (!id) return;
    const editor = new ContextEditor(this.#contextApi, id);
    this.context.set(editor);
    this.dialog.set({ kind: 'context' });
    await editor.read();
  }

  closeDialog(): void {
    this.dialog.set(null);
    this.context.set(null);
  }

  newChat(): void {
    if (this.thread.value.conversationId === null) return;
    this.address.pushState(null, '', '/');
    this.#reader.show(new Thread(null, 'new'));
  }

  async retry(): Promise<void> {
    const { conversationId } = this.thread.value;
    if (conversationId !== null) await this.#reader.load(conversationId);
  }

  /** Sends a message. `false` when there is no conversation to send it in: the user was told why. */
  async send(text: string): Promise<boolean> {
    const thread = await this.#startedThread();
    if (!thread) return false;
    const clientMessageId = newClientMessageId();
    thread.sending(clientMessageId, text);
    this.#say(thread, clientMessageId, text);
    // From here on the outbox keeps it. What was typed meanwhile is another draft.
    if (this.drafts.read(thread.conversationId) === text) {
      this.drafts.write(thread.conversationId, '');
    }
    return true;
  }

  sendAgain(clientMessageId: string): void {
    const thread = this.thread.value;
    const message = thread.find(clientMessageId);
    if (!message) return;
    thread.sending(clientMessageId, message.content);
    this.#say(thread, clientMessageId, message.content);
  }

  /** Takes back a message that was not sent: its text, to be edited. */
  takeBack(clientMessageId: string): string {
    const text = this.thread.value.find(clientMessageId)?.content ?? '';
    this.thread.value.forget(clientMessageId);
    this.socket.outbox.drop(clientMessageId);
    return text;
  }

  /** Gives files to the conversation, which begins with them if it is new. */
  async attach(files: readonly File[]): Promise<void> {
    const id = (await this.#startedThread())?.conversationId;
    if (id) this.files.add(id, files);
  }

  stop(): void {
    const { conversationId } = this.thread.value;
    if (conversationId !== null) this.socket.stop(conversationId);
  }

  async #startedThread(): Promise<Thread | null> {
    const current = this.thread.value;
    if (current.conversationId !== null) return current;
    const conversation = await this.#tell(this.api.start());
    if (!conversation) return null;
    const id = conversation.conversation_id;
    const thread = this.#reader.threadOf(id, 'ready');
    this.conversations.put(conversation);
    this.drafts.write(id, this.drafts.read(null));
    this.drafts.write(null, '');
    this.address.pushState(null, '', `/c/${id}`);
    this.#reader.show(thread);
    this.socket.follow(id, 0);
    return thread;
  }

  #say(thread: Thread, clientMessageId: string, text: string): void {
    if (thread.conversationId === null) return;
    this.socket.send({
      message: text,
      conversation_id: thread.conversationId,
      client_message_id: clientMessageId,
    });
  }

  #connectionChanged(): void {
    if (this.socket.connection.value !== 'connected') return;
    const isBack = this.#wasConnected;
    this.#wasConnected = true;
    if (this.config.value === null) void this.#readConfig();
    if (isBack || this.conversations.state.value.phase === 'failed') void this.library.readAgain();
    if (this.thread.value.state.value.phase === 'failed') void this.retry();
  }

  /** Without it the page works; it is read again with the next connection. */
  async #readConfig(): Promise<void> {
    this.config.set(await this.api.config().catch(() => null));
  }

  /** What the call gives; when it fails, the user is told why. */
  async #tell<T>(call: Promise<T>): Promise<T | undefined> {
    try {
      return await call;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  #failed(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.notice.say(text, error instanceof ApiError ? error.retryAt : null);
  }
}
