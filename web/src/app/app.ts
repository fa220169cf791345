import type { AccountApi } from '../api/account-api';
import type { ContextApi, UserSettingsApi } from '../api/context-api';
import type { FileApi } from '../api/file-api';
import { errorCode, errorMessage, retryTime } from '../api/http';
import type { ConversationApi } from '../api/conversation-api';
import type { LiveSocket } from '../api/connection/socket';
import type { OutboxMessage } from '../api/connection/outbox';
import type { Config, Conversation } from '../api/types';
import { newClientMessageId } from '../state/composer/client-message-id';
import { Models } from '../state/models/models';
import type { Drafts } from '../state/composer/drafts';
import { AccountStore } from '../state/account/account';
import { Files } from '../state/composer/files';
import { ContextEditor } from '../state/context/context-editor';
import { SettingDrafts } from '../state/context/setting-drafts';
import { UserSettingsEditor } from '../state/context/user-settings-editor';
import { AnswerMarks } from '../state/conversations/answer-marks';
import { parsePath, pathOf, START_PATH } from '../state/page/address';
import { Notice } from '../state/page/notice';
import { NotificationChoice } from '../state/page/notification-choice';
import { Toasts } from '../state/page/toasts';
import type { TextStorage } from '../state/storage';
import { Store } from '../state/store';
import { Thread } from '../state/thread/thread';
import type { Problem } from '../state/thread/thread-message';
import { appWords as words } from '../words/app';
import { statusWords } from '../words/thread';
import { AnswerTracker } from './answer-tracker';
import { ConversationLoader } from './conversation-loader';
import { ConversationStarter, isTransient } from './conversation-starter';
import { EventDispatcher } from './event-dispatcher';
import { Conversations } from './conversations';
import { Retries } from './rate-limits/retries';
import { TurnActions } from './turn-actions';
import { whenAllowed } from './rate-limits/when-allowed';

/** The dialog that is open. */
export type Dialog =
  | { kind: 'settings'; section: SettingsSection | null }
  | { kind: 'shortcuts' | 'import' | 'account' | 'delete-account' }
  | { kind: 'reset'; id: string };

/** A section of the chat settings. */
export type SettingsSection = 'instructions' | 'length' | 'creativity' | 'examples' | 'context';

/** The clients of the REST API. */
export interface ApiClients {
  accountApi: AccountApi;
  conversationApi: ConversationApi;
  contextApi: ContextApi & UserSettingsApi;
  fileApi: FileApi;
}

function loadAgain(keepsChat: boolean): void {
  if (keepsChat) location.reload();
  else location.assign(START_PATH);
}

/** The page's controller: connects the state, the server and the address bar. */
export class App {
  readonly config = new Store<Config | null>(null);
  readonly models: Models;
  readonly account: AccountStore;
  readonly accountApi: AccountApi;
  readonly thread = new Store<Thread>(new Thread(null, 'new'));
  readonly toasts = new Toasts();
  readonly conversations: Conversations;
  /** The last error that is not shown elsewhere on the page. */
  readonly notice = new Notice(null);
  readonly dialog = new Store<Dialog | null>(null);
  /** The context of the open conversation; `null` in a new chat. */
  readonly contextEditor = new Store<ContextEditor | null>(null);
  readonly userSettings: UserSettingsEditor;
  readonly settingDrafts: SettingDrafts;
  readonly files: Files;
  readonly turnActions: TurnActions;
  readonly retries: Retries;
  readonly marks: AnswerMarks;
  readonly answerTracker: AnswerTracker;
  readonly notifications: NotificationChoice;
  readonly #loader: ConversationLoader;
  readonly #starter: ConversationStarter;
  readonly #conversationApi: ConversationApi;
  readonly #contextApi: ContextApi;
  #wasConnected = false;
  /** The chosen model of the open chat until it is saved. A message that is sent meanwhile names it. */
  #unsavedModel: { editor: ContextEditor; id: string } | null = null;

  constructor(
    { accountApi, conversationApi, contextApi, fileApi }: ApiClients,
    readonly socket: LiveSocket,
    readonly drafts: Drafts,
    storage: TextStorage,
    private readonly history: Pick<History, 'pushState' | 'replaceState'>,
    reload: (keepsChat: boolean) => void = loadAgain,
  ) {
    this.accountApi = accountApi;
    this.account = new AccountStore(accountApi, storage, reload);
    this.#conversationApi = conversationApi;
    this.models = new Models(() => conversationApi.models(), storage);
    this.#contextApi = contextApi;
    this.userSettings = new UserSettingsEditor(contextApi);
    this.settingDrafts = new SettingDrafts(storage);
    this.thread.subscribe(() => this.#followThread());
    this.files = new Files(fileApi);
    this.turnActions = new TurnActions(socket, drafts, this);
    this.retries = new Retries(socket, this.thread);
    this.conversations = new Conversations(conversationApi, storage, {
      toasts: this.toasts,
      drafts,
      currentId: () => this.thread.value.conversationId,
      open: (id) => void this.open(id),
      newChat: () => this.newChat(),
      reloadConversation: () => void this.reloadConversation(),
      isImportDialogOpen: () => this.dialog.value?.kind === 'import',
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
    this.#loader = new ConversationLoader(conversationApi, socket, drafts, this);
    const startConversation = (key: string) =>
      whenAllowed(this.notice, () =>
        conversationApi.startConversation(key, this.models.ofNewChats),
      );
    this.#starter = new ConversationStarter(startConversation, {
      waitingKeys: () => [...socket.outbox.startKeys('pending'), ...this.files.startKeys()],
      onstarted: (key, conversation) => this.#showStarted(key, conversation),
      onfailed: (key, error) => this.#handleFailedStart(key, error),
      oncancelled: (key) => this.#handleCancelledStart(key),
    });
    this.files.onconversationneeded = (key) => void this.#starter.start(key);
    const dispatcher = new EventDispatcher(this, this.#loader);
    socket.onevent = (event) => dispatcher.dispatch(event);
    socket.outbox.onforeignmessage = (message) => this.#applyOtherTab(message);
    socket.connection.subscribe(() => this.#handleConnectionChange());
    drafts.isUnstored.subscribe(() => this.toasts.show(words.draftsUnstored(), { kind: 'error' }));
  }

  async start(path: string): Promise<void> {
    this.socket.connect();
    void this.account.load();
    void this.#loadConfig();
    void this.conversations.start();
    await this.showPath(path);
  }

  /** Shows the conversation that a path names. Leaves the address bar unchanged. */
  async showPath(path: string): Promise<void> {
    const target = parsePath(path);
    if (target === null) {
      this.#loader.show(this.#unsentNewChat() ?? new Thread(null, 'new'));
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

  /** Opens the chat settings. In a new chat, first creates the conversation that they belong to. */
  async showSettings(section: SettingsSection | null = null): Promise<void> {
    if ((await this.#ensureConversation()) === null) return;
    this.contextEditor.value?.clearStatuses();
    this.userSettings.clearStatus();
    this.dialog.set({ kind: 'settings', section });
    await Promise.all([this.contextEditor.value?.load(), this.userSettings.load()]);
  }

  /** The model of the open chat: its own or the default, and of a new chat the last choice; `null` until it is known. */
  modelOfThread(): string | null {
    if (this.thread.value.conversationId === null) {
      return this.models.ofChat(this.models.ofNewChats);
    }
    const editor = this.contextEditor.value;
    if (editor !== null && this.#unsavedModel?.editor === editor) return this.#unsavedModel.id;
    const context = editor?.state.value.context;
    return context ? this.models.ofChat(context.model) : null;
  }

  /** The name of the model with this id, of which older answers have none; `null` if it is unknown. */
  modelName(id: string | null): string | null {
    const { models } = this;
    if (id !== null && (models.isChoice || !models.isAvailable(id))) return models.nameOf(id);
    return models.isChoice ? null : (this.config.value?.model ?? null);
  }

  /** Whether the model of the open chat is available, as far as that is known. */
  canAnswer(): boolean {
    const model = this.modelOfThread();
    return model === null || this.models.isAvailable(model);
  }

  /** Chooses the model of the open chat, and of new ones. Returns `false` if it could not be saved. */
  async chooseModel(id: string): Promise<boolean> {
    const editor = this.contextEditor.value;
    this.#unsavedModel = editor && { editor, id };
    const isSaved = editor === null || (await editor.change('model', { model: id }));
    if (this.#unsavedModel?.id === id) this.#unsavedModel = null;
    if (isSaved) this.models.choose(id);
    else this.notice.set(editor.statusOf('model').problem ?? words.modelUnsaved());
    return isSaved;
  }

  closeDialog(): void {
    this.dialog.set(null);
  }

  newChat(): void {
    const { conversationId, state } = this.thread.value;
    if (conversationId === null && state.value.messages.length === 0) return;
    this.history.pushState(null, '', START_PATH);
    this.#loader.show(new Thread(null, 'new'));
  }

  /** Reloads the open conversation. */
  async reloadConversation(): Promise<void> {
    const { conversationId } = this.thread.value;
    if (conversationId !== null) await this.#loader.load(conversationId);
  }

  /** Sends the first message of a chat. Does nothing if there is one already, as after a double click. */
  begin(text: string): void {
    if (this.thread.value.state.value.messages.length === 0) this.send(text);
  }

  /** Sends a message. In a new chat, it waits until its conversation is created. */
  send(text: string): void {
    const thread = this.thread.value;
    const clientMessageId = newClientMessageId();
    this.#sendMessage(thread, clientMessageId, text);
    // The outbox now holds the text. Text typed in the meantime is kept as the new draft.
    if (this.drafts.read(thread.conversationId) === text) {
      this.drafts.write(thread.conversationId, '');
    }
  }

  resend(clientMessageId: string): void {
    const thread = this.thread.value;
    const message = thread.find(clientMessageId);
    if (message) this.#sendMessage(thread, clientMessageId, message.content);
  }

  /** Removes an unsent message and returns its text for editing. */
  withdraw(clientMessageId: string): string {
    const text = this.thread.value.find(clientMessageId)?.content ?? '';
    this.thread.value.removeMessage(clientMessageId);
    this.socket.outbox.remove(clientMessageId);
    return text;
  }

  /** Uploads files to the conversation. In a new chat, creates the conversation first. */
  attach(files: readonly File[]): void {
    const { conversationId, startKey } = this.thread.value;
    if (conversationId !== null) return this.files.add(conversationId, files);
    this.files.addToNewChat(startKey, files);
    void this.#starter.start(startKey);
  }

  /** Gives the open conversation its own context editor. */
  #followThread(): void {
    const { conversationId: id } = this.thread.value;
    if (id === (this.contextEditor.value?.conversationId ?? null)) return;
    this.contextEditor.set(id === null ? null : new ContextEditor(this.#contextApi, id));
  }

  stop(): void {
    const { conversationId } = this.thread.value;
    if (conversationId === null) return;
    if (!this.socket.stop(conversationId)) this.notice.set(words.stopNotSent());
  }

  /** Returns the id of the open conversation. In a new chat, creates the conversation first. */
  async #ensureConversation(): Promise<string | null> {
    const { conversationId, startKey } = this.thread.value;
    return conversationId ?? (await this.#starter.start(startKey));
  }

  /** Shows the conversation of a new chat, unless the user has left the chat. */
  #showStarted(startKey: string, conversation: Conversation): void {
    const id = conversation.conversation_id;
    const thread = this.thread.value;
    this.conversations.upsert(conversation);
    if (thread.conversationId === null && thread.startKey === startKey) {
      this.drafts.write(id, this.drafts.read(null));
      this.drafts.write(null, '');
      this.history.pushState(null, '', pathOf(id));
      this.#loader.show(this.#loader.withConversation(thread, id));
      this.socket.subscribe(id, 0);
    }
    this.socket.outbox.assign(startKey, id);
    this.socket.sendPending();
    this.files.assign(startKey, id);
  }

  /** Keeps messages and files if the error is transient. Otherwise, the user decides. */
  #handleFailedStart(startKey: string, error: unknown): void {
    const isConnected = this.socket.connection.value === 'connected';
    // While disconnected, the connection bar shows what happens.
    if (isConnected) this.#reportError(error);
    if (isTransient(error)) return;
    const code = errorCode(error) ?? '';
    this.#rejectWaiting(startKey, { message: errorMessage(error), code, retryAt: null });
  }

  /** The user has cancelled the countdown or, by opening another chat, hidden it. */
  #handleCancelledStart(startKey: string): void {
    if (this.thread.value.startKey !== startKey) return this.#starter.resumeLater();
    this.#rejectWaiting(startKey, { message: statusWords.unsent(), code: '', retryAt: null });
  }

  #rejectWaiting(startKey: string, problem: Problem): void {
    const { outbox } = this.socket;
    for (const { client_message_id: id } of outbox.forNewChat(startKey)) {
      outbox.reject(id, problem.message, problem.code);
      this.thread.value.reject(id, problem);
    }
    this.files.rejectNewChat(startKey, problem.message);
  }

  /** The new chat whose messages were not sent before the page was closed. */
  #unsentNewChat(): Thread | null {
    const { outbox } = this.socket;
    const key = outbox.startKeys()[0];
    if (key === undefined) return null;
    const thread = new Thread(null, 'new', undefined, key);
    for (const message of outbox.forNewChat(key)) thread.addUnsent(message);
    return thread;
  }

  /** Shows in this tab what another tab has sent. The server's events report the rest. */
  #applyOtherTab(message: OutboxMessage): void {
    const thread = this.thread.value;
    if (message.conversation_id === null) return this.#starter.resumeLater();
    this.socket.sendPending();
    if (thread.conversationId === message.conversation_id) thread.addUnsent(message);
  }

  #sendMessage(thread: Thread, clientMessageId: string, text: string): void {
    const { conversationId, startKey } = thread;
    thread.addOptimistic(clientMessageId, text);
    const isStored = this.socket.send({
      message: text,
      conversation_id: conversationId,
      client_message_id: clientMessageId,
      ...(conversationId === null && { start_key: startKey }),
      ...(this.#unsavedModel && { model: this.#unsavedModel.id }),
    });
    if (!isStored) this.drafts.isUnstored.set(true);
    if (conversationId === null) void this.#starter.start(startKey);
  }

  #handleConnectionChange(): void {
    if (this.socket.connection.value !== 'connected') return;
    const isReconnected = this.#wasConnected;
    this.#wasConnected = true;
    if (isReconnected) {
      void this.account.load();
      void this.models.reload();
    }
    this.#starter.resume();
    this.files.retryUnreached();
    if (this.config.value === null) void this.#loadConfig();
    if (isReconnected || this.conversations.active.state.value.phase === 'failed')
      void this.conversations.reload();
    if (this.thread.value.state.value.phase === 'failed') void this.reloadConversation();
  }

  /** Loads the server's configuration. The page works without it, and tries again after every connect. */
  async #loadConfig(): Promise<void> {
    void this.models.reload();
    this.config.set(await this.#conversationApi.config().catch(() => null));
  }

  #reportError(error: unknown): void {
    this.notice.show(errorMessage(error), retryTime(error));
  }
}
