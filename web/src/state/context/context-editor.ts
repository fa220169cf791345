import type { ContextApi, Tagged } from '../../api/context-api';
import type { Context, ContextChanges } from '../../api/types';
import { Store } from '../store';
import { IDLE, type SaveStatus, trySave } from './saving';

export type ContextPart =
  'system_prompt' | 'reply_tokens' | 'model' | 'parameters' | 'summary' | 'examples';

export interface ContextState {
  phase: 'loading' | 'ready' | 'failed';
  context: Context | null;
  statuses: Partial<Record<ContextPart, SaveStatus>>;
}

/** Loads and changes the context of one conversation. */
export class ContextEditor {
  readonly state = new Store<ContextState>({
    phase: 'loading',
    context: null,
    statuses: {},
  });
  #etag: string | null = null;
  /** Resolves when the saves so far have ended. */
  #saves: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly api: ContextApi,
    readonly conversationId: string,
  ) {}

  get isSaving(): boolean {
    return Object.values(this.state.value.statuses).some(({ isSaving }) => isSaving);
  }

  async load(): Promise<void> {
    try {
      this.#show(await this.api.read(this.conversationId));
    } catch {
      this.#set({ phase: this.state.value.context === null ? 'failed' : 'ready' });
    }
  }

  /** Forgets what became of earlier saves. */
  clearStatuses(): void {
    if (!this.isSaving) this.#set({ statuses: {} });
  }

  statusOf(part: ContextPart): SaveStatus {
    return this.state.value.statuses[part] ?? IDLE;
  }

  /** Like the methods below, resolves to `false` if the change fails; the status then has the reason. */
  change(
    part: 'system_prompt' | 'reply_tokens' | 'model' | 'parameters',
    changes: ContextChanges,
  ): Promise<boolean> {
    return this.#save(part, () => this.api.change(this.conversationId, changes, this.#etag));
  }

  replaceSummary(text: string): Promise<boolean> {
    return this.#save('summary', () =>
      this.api.replaceSummary(this.conversationId, text, this.#etag),
    );
  }

  removeSummary(): Promise<boolean> {
    return this.#save('summary', () => this.api.removeSummary(this.conversationId, this.#etag));
  }

  addExample(userPrompt: string, assistantResponse: string): Promise<boolean> {
    return this.#save('examples', () =>
      this.api.addExample(this.conversationId, userPrompt, assistantResponse),
    );
  }

  removeExample(exampleId: string): Promise<boolean> {
    return this.#save('examples', () => this.api.removeExample(this.conversationId, exampleId));
  }

  /** Saves one part after the other, because each save needs the `ETag` of the version before it. */
  #save(part: ContextPart, request: () => Promise<void>): Promise<boolean> {
    this.#setStatus(part, { ...IDLE, isSaving: true });
    const save = this.#saves.then(() => this.#saveNow(part, request));
    this.#saves = save;
    return save;
  }

  async #saveNow(part: ContextPart, request: () => Promise<void>): Promise<boolean> {
    const status = await trySave(request, () => this.load());
    this.#setStatus(part, status);
    return status.isSaved;
  }

  #setStatus(part: ContextPart, status: SaveStatus): void {
    this.#set({ statuses: { ...this.state.value.statuses, [part]: status } });
  }

  #show({ value, etag }: Tagged<Context>): void {
    this.#etag = etag;
    this.#set({ phase: 'ready', context: value });
  }

  #set(changes: Partial<ContextState>): void {
    this.state.update((state) => ({ ...state, ...changes }));
  }
}
