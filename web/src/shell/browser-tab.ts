import type { App } from '../app/app';
import { describeTab } from '../state/page/tab';
import type { Store } from '../state/store';

/** Updates the title and the icon of the browser's tab. */
export class BrowserTab {
  readonly #subscriptions: (() => void)[] = [];
  #unsubscribeThread = () => {};
  #runningTurn: string | null = null;
  #hasUnseenAnswer = false;

  constructor(private readonly app: App) {
    this.#watch(app.socket.connection);
    this.#watch(app.library.conversations.state);
    this.#watch(app.library.archived.state);
    this.#subscriptions.push(app.thread.subscribe(() => this.#watchThread()));
    const shown = () => this.#tabShown();
    document.addEventListener('visibilitychange', shown);
    this.#subscriptions.push(() => document.removeEventListener('visibilitychange', shown));
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
    this.#hasUnseenAnswer = false;
    this.#unsubscribeThread = state.subscribe(() => this.#turnChanged(state.value.runningTurn));
    this.#update();
  }

  #turnChanged(runningTurn: string | null): void {
    if (runningTurn === this.#runningTurn) return;
    if (runningTurn === null && document.hidden) this.#hasUnseenAnswer = true;
    this.#runningTurn = runningTurn;
    this.#update();
  }

  #tabShown(): void {
    if (document.hidden) return;
    this.#hasUnseenAnswer = false;
    this.#update();
  }

  #update(): void {
    const { library, thread, socket } = this.app;
    const id = thread.value.conversationId;
    const { title, icon } = describeTab({
      connection: socket.connection.value,
      isAnswering: this.#runningTurn !== null,
      hasUnseenAnswer: this.#hasUnseenAnswer,
      title: id === null ? null : (library.find(id)?.title ?? null),
    });
    if (document.title !== title) document.title = title;
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (link && link.getAttribute('href') !== icon) link.setAttribute('href', icon);
  }
}
