import type { App } from '../app/app';
import { describeTab } from '../state/page/tab';
import type { Store } from '../state/store';

/** Keeps the title and the icon of the browser tab up to date. */
export class BrowserTab {
  readonly #subscriptions: (() => void)[] = [];
  #unsubscribeThread = () => {};
  #runningTurn: string | null = null;

  constructor(private readonly app: App) {
    this.#watch(app.socket.connection);
    this.#watch(app.conversations.active.state);
    this.#watch(app.conversations.archived.state);
    this.#watch(app.marks);
    this.#subscriptions.push(app.thread.subscribe(() => this.#watchThread()));
    this.#watchThread();
  }

  dispose(): void {
    this.#unsubscribeThread();
    for (const unsubscribe of this.#subscriptions) unsubscribe();
  }

  #watch(store: Store<unknown>): void {
    this.#subscriptions.push(store.subscribe(() => this.#update()));
  }

  #watchThread(): void {
    this.#unsubscribeThread();
    const { state } = this.app.thread.value;
    this.#runningTurn = state.value.runningTurn;
    this.#unsubscribeThread = state.subscribe(() =>
      this.#handleTurnChange(state.value.runningTurn),
    );
    this.#update();
  }

  #handleTurnChange(runningTurn: string | null): void {
    if (runningTurn === this.#runningTurn) return;
    this.#runningTurn = runningTurn;
    this.#update();
  }

  #update(): void {
    const { conversations, thread, socket, marks } = this.app;
    const id = thread.value.conversationId;
    const { title, icon } = describeTab({
      connection: socket.connection.value,
      isAnswering: this.#runningTurn !== null,
      hasUnseenAnswer: id !== null && marks.get(id) === 'unread',
      title: id === null ? null : (conversations.find(id)?.title ?? null),
    });
    if (document.title !== title) document.title = title;
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (link && link.getAttribute('href') !== icon) link.setAttribute('href', icon);
  }
}
