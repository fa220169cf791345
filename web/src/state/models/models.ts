import type { Model } from '../../api/types';
import type { TextStorage } from '../storage';
import { Store } from '../store';

const LAST_CHOICE = 'model';

/** The models that the user may use, and the last choice. */
export class Models {
  /** The first one is the default. Empty until they are loaded. */
  readonly list = new Store<readonly Model[]>([]);
  /** The id of the last choice; `null` without one. */
  readonly lastChoice: Store<string | null>;

  constructor(
    private readonly load: () => Promise<readonly Model[]>,
    private readonly storage: TextStorage,
  ) {
    this.lastChoice = new Store(storage.get(LAST_CHOICE));
  }

  /** Keeps the list if the server can't be reached. */
  async reload(): Promise<void> {
    const list = await this.load().catch(() => null);
    if (list !== null) this.list.set(list);
  }

  /** Whether there is something to choose. */
  get isChoice(): boolean {
    return this.list.value.length > 1;
  }

  choose(id: string): void {
    this.storage.set(LAST_CHOICE, id);
    this.lastChoice.set(id);
  }

  /** The model of new chats: the last choice, if it is still available; `null` is the default. */
  get ofNewChats(): string | null {
    const id = this.lastChoice.value;
    return id !== null && this.isAvailable(id) ? id : null;
  }

  /** The model of a chat whose own one this is: without its own, the default. */
  ofChat(own: string | null): string | null {
    return own ?? this.list.value[0]?.id ?? null;
  }

  isAvailable(id: string): boolean {
    return this.list.value.some((model) => model.id === id);
  }

  /** The name of a model; its id if it is not available any more. */
  nameOf(id: string): string {
    return this.list.value.find((model) => model.id === id)?.name ?? id;
  }
}
