import type { ContextApi } from '../api/context-api';
import type { FileApi } from '../api/file-api';
import { ApiError, errorMessage } from '../api/http';
import type { ConversationApi } from '../api/conversation-api';
import type { LiveSocket } from '../api/socket';
import type { Config } from '../api/types';
import { newClientMessageId } from '../state/composer/client-message-id';
import type { Drafts } from '../state/composer/drafts';
import { Files } from '../state/composer/files';
import { ContextEditor } from '../state/context/context-editor';
import { AnswerMarks } from '../state/conversations/answer-marks';
import { parsePath, pathOf, START_PATH } from '../state/page/address';
import { Notice } from '../state/page/notice';
import { NotificationChoice } from '../state/page/notification-choice';
import { Toasts } from '../state/page/toasts';
import { Store } from '../state/store';
import { Thread } from '../state/thread/thread';
import { AnswerTracker } from './answer-tracker';
import { ConversationLoader } from './conversation-loader';
import { EventDispatcher } from './event-dispatcher';
import { Conversations } from './conversations';
import { Retries } from './retries';
import { TurnActions } from './turn-actions';
import { whenAllowed } from './when-allowed';

/** The dialog that is open. */
export type Dialog = { kind: 'context' | 'shortcuts' | 'import' } | { kind: 'reset'; id: string };

/** The clients of the REST API. */
export interface ApiClients {
  conversationApi: ConversationApi;
  contextApi: ContextApi;
  fileApi: FileApi;
}

/** The page's controller: connects the state, the server and the address bar. */
export class App {
  readonly config = new Store<Config | null>(null);
  readonly thread = new Store<Thread>(new Thread(null, 'new'));
  readonly toasts = new Toasts();
  readonly conversations: Conversations;
  /** The last error that is not shown elsewhere on the page. */
  readonly notice = new Notice(null);
  readonly dialog = new Store<Dialog | null>(null);
  /** The editor of the context panel; `null` while the panel is closed. */
  readonly contextEditor = new Store<ContextEditor | null>(null);
  readonly files: Files;
  readonly turnActions: TurnActions;
  readonly retries: Retries;
  readonly marks: AnswerMarks;
  readonly answerTracker: AnswerTracker;
  readonly notifications: NotificationChoice;
  readonly #loader: ConversationLoader;
  readonly #conversationApi: ConversationApi;
  readonly #contextApi: ContextApi;
  #wasConnected = false;

  constructor(
    { conversationApi, contextApi, fileApi }: ApiClients,
    readonly socket: LiveSocket,
    readonly drafts: Drafts,
    storage: Storage | null,
    private readonly history: Pick<History, 'pushState' | 'replaceState'>,
  ) {
    this.#conversationApi = conversationApi;
    this.#contextApi = contextApi;
    this.files = new Files(fileApi);
    this.turnActions = new TurnActions(this.thread, socket, this.notice);
    this.retries = new Retries(socket, this.thread);
    this.conversations = new Conversations(conversationApi, storage, {
      toasts: this.toasts,
      drafts,
      currentId: () => this.thread.value.conversationId,
      open: (id) => void this.open(id),
      newChat: () => this.newChat(),
      reloadConversation: () => void this.reloadConversation(),
      reportError: (error) => this.#reportError(error),
    });
    this.marks = new AnswerMarks(storage);
    this.notifications = new NotificationChoice(storage);
    this.answerTracker = new AnswerTracker(
      this.marks,
      this.thread,
      this.conversations.active.state,
      (id) => conversationApi.answerState(id),
      () => !document.hidden,
    );
    this.#loader = new ConversationLoader(conversationApi, socket, this);
    const dispatcher = new EventDispatcher(this, this.#loader);
    socket.onevent = (event) => dispatcher.dispatch(event);
    socket.connection.subscribe(() => this.#handleConnectionChange());
  }

  async start(path: string): Promise<void> {
    this.socket.connect();
    void this.#loadConfig();
    void this.conversations.start();
    await this.showPath(path);
  }

  /** Shows the conversation that a path names. Leaves the address bar unchanged. */
  async showPath(path: string): Promise<void> {
    const target = parsePath(path);
    if (target === null) {
      this.#loader.show(new Thread(null, 'new'));
      return;
    }
    if (this.thread.value.conversationId !== target.id) await this.#loader.load(target.id);
    if (target.position !== null) await this.thread.value.showMessage(target.position);
  }

  async open(id: string, position: number | null = null): Promise<void> {
    if (this.thread.value.conversationId !== id || position !== null) {
      this.history.pushState(null, '', pathOf(id, position));
    }
    await this.showPath(pathOf(id, position));
  }

  openNeighbour(step: 1 | -1): void {
    const neighbour = this.conversations.active.neighbour(this.thread.value.conversationId, step);
    if (neighbour) void this.open(neighbour.conversation_id);
  }

  /** Opens the context panel. In a new chat, first creates the conversation that the context belongs to. */
  async showContext(): Promise<void> {
    const id = (await this.#ensureConversation())?.conversationId;
    if (!id) return;
    const editor = new ContextEditor(this.#contextApi, id);
    this.contextEditor.set(editor);
    this.dialog.set({ kind: 'context' });
    await editor.load();
  }

  closeDialog(): void {
    this.dialog.set(null);
    this.contextEditor.set(null);
  }

  newChat(): void {
    if (this.thread.value.conversationId === null) return;
    this.history.pushState(null, '', START_PATH);
    this.#loader.show(new Thread(null, 'new'));
  }

  /** Reloads the open conversation. */
  async reloadConversation(): Promise<void> {
    const { conversationId } = this.thread.value;
    if (conversationId !== null) await this.#loader.load(conversationId);
  }

  /** Returns `false` if no conversation could be created; the notice then shows the reason. */
  async send(text: string): Promise<boolean> {
    const thread = await this.#ensureConversation();
    if (!thread) return false;
    const clientMessageId = newClientMessageId();
    thread.addOptimistic(clientMessageId, text);
    this.#sendMessage(thread, clientMessageId, text);
    // The outbox now holds the text. Text typed in the meantime is kept as the new draft.
    if (this.drafts.read(thread.conversationId) === text) {
      this.drafts.write(thread.conversationId, '');
    }
    return true;
  }

  resend(clientMessageId: string): void {
    const thread = this.thread.value;
    const message = thread.find(clientMessageId);
    if (!message) return;
    thread.addOptimistic(clientMessageId, message.content);
    this.#sendMessage(thread, clientMessageId, message.content);
  }

  /** Removes an unsent message and returns its text for editing. */
  withdraw(clientMessageId: string): string {
    const text = this.thread.value.find(clientMessageId)?.content ?? '';
    this.thread.value.removeMessage(clientMessageId);
    this.socket.outbox.remove(clientMessageId);
    return text;
  }

  /** Uploads files to the conversation. In a new chat, creates the conversation first. */
  async attach(files: readonly File[]): Promise<void> {
    const id = (await this.#ensureConversation())?.conversationId;
    if (id) this.files.add(id, files);
  }

  stop(): void {
    const { conversationId } = this.thread.value;
    if (conversationId !== null) this.socket.stop(conversationId);
  }

  async #ensureConversation(): Promise<Thread | null> {
    const current = this.thread.value;
    if (current.conversationId !== null) return current;
    const conversation = await this.#tryOrReport(
      whenAllowed(this.notice, () => this.#conversationApi.startConversation()),
    );
    if (!conversation) return null;
    const id = conversation.conversation_id;
    const thread = this.#loader.createThread(id, 'ready');
    this.conversations.upsert(conversation);
    this.drafts.write(id, this.drafts.read(null));
    this.drafts.write(null, '');
    this.history.pushState(null, '', pathOf(id));
    this.#loader.show(thread);
    this.socket.subscribe(id, 0);
    return thread;
  }

  #sendMessage(thread: Thread, clientMessageId: string, text: string): void {
    if (thread.conversationId === null) return;
    this.socket.send({
      message: text,
      conversation_id: thread.conversationId,
      client_message_id: clientMessageId,
    });
  }

  #handleConnectionChange(): void {
    if (this.socket.connection.value !== 'connected') return;
    const isReconnected = this.#wasConnected;
    this.#wasConnected = true;
    if (this.config.value === null) void this.#loadConfig();
    if (isReconnected || this.conversations.active.state.value.phase === 'failed')
      void this.conversations.reload();
    if (this.thread.value.state.value.phase === 'failed') void this.reloadConversation();
  }

  /** Loads the server's configuration. The page works without it, and tries again after every connect. */
  async #loadConfig(): Promise<void> {
    this.config.set(await this.#conversationApi.config().catch(() => null));
  }

  /** Returns the result of the call. If it fails, shows the error and returns `undefined`. */
  async #tryOrReport<T>(call: Promise<T>): Promise<T | undefined> {
    try {
      return await call;
    } catch (error) {
      this.#reportError(error);
      return undefined;
    }
  }

  #reportError(error: unknown): void {
    this.notice.show(errorMessage(error), error instanceof ApiError ? error.retryAt : null);
  }
}
