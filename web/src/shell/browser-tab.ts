import type { App } from '../app/app';
import type { Store } from '../state/store';
import { tabOf } from '../state/page/tab';

/** Keeps the browser's tab, its title and its picture, true to what is known. */
export class BrowserTab {
  readonly #ends: (() => void)[] = [];
  #endThread = () => {};
  #answering: string | null = null;
  #isUnseen = false;

  constructor(private readonly app: App) {
    this.#follow(app.socket.connection);
    this.#follow(app.library.conversations.state);
    this.#follow(app.library.archived.state);
    this.#ends.push(app.thread.subscribe(() => this.#followThread()));
    const seen = () => this.#seen();
    document.addEventListener('visibilitychange', seen);
    this.#ends.push(() => document.removeEventListener('visibilitychange', seen));
    this.#followThread();
  }

  end(): void {
    this.#endThread();
    for (const end of this.#ends) end();
  }

  #follow(store: Store<unknown>): void {
    this.#ends.push(store.subscribe(() => this.#show()));
  }

  #followThread(): void {
    this.#endThread();
    const { state } = this.app.thread.value;
    this.#answering = state.value.runningTurn;
    this.#isUnseen = false;
    this.#endThread = state.subscribe(() => this.#answered(state.value.runningTurn));
    this.#show();
  }

  #answered(runningTurn: string | null): void {
    if (runningTurn === this.#answering) return;
    if (runningTurn === null && document.hidden) this.#isUnseen = true;
    this.#answering = runningTurn;
    this.#show();
  }

  #seen(): void {
    if (document.hidden) return;
    this.#isUnseen = false;
    this.#show();
  }

  #show(): void {
    const { library, thread, socket } = this.app;
    const id = thread.value.conversationId;
    const { title, icon } = tabOf({
      connection: socket.connection.value,
      isAnswering: this.#answering !== null,
      isUnseen: this.#isUnseen,
      title: id === null ? null : (library.find(id)?.title ?? null),
    });
    if (document.title !== title) document.title = title;
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (link && link.getAttribute('href') !== icon) link.setAttribute('href', icon);
  }
}
