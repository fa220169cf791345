import type { ContextApi, TaggedContext } from '../../api/context-api';
import { ApiError, errorMessage } from '../../api/http';
import type { Context, ContextChanges } from '../../api/types';
import { Store } from '../store';

export type ContextPart = 'system_prompt' | 'parameters' | 'summary' | 'examples';

export interface ContextProblem {
  part: ContextPart;
  text: string;
}

export interface ContextState {
  phase: 'loading' | 'ready' | 'failed';
  context: Context | null;
  /** The part that is being saved. */
  savingPart: ContextPart | null;
  /** Why the last save failed. */
  problem: ContextProblem | null;
}

const CONFLICT =
  'This was changed in another tab or browser. Your text is still here: save again to replace the other version.';

/** Loads and changes the context of one conversation. */
export class ContextEditor {
  readonly state = new Store<ContextState>({
    phase: 'loading',
    context: null,
    savingPart: null,
    problem: null,
  });
  #etag: string | null = null;

  constructor(
    private readonly api: ContextApi,
    readonly conversationId: string,
  ) {}

  async load(): Promise<void> {
    try {
      this.#show(await this.api.read(this.conversationId));
    } catch {
      this.#set({ phase: this.state.value.context === null ? 'failed' : 'ready' });
    }
  }

  /** Like the methods below, resolves to `false` if the change fails; `problem` then says why. */
  change(part: 'system_prompt' | 'parameters', changes: ContextChanges): Promise<boolean> {
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

  async #save(part: ContextPart, request: () => Promise<void>): Promise<boolean> {
    this.#set({ savingPart: part, problem: null });
    let problem: ContextProblem | null = null;
    try {
      await request();
    } catch (error) {
      problem = { part, text: problemText(error) };
    }
    // Reload after a failure as well, so that the user sees the current state.
    await this.load();
    this.#set({ savingPart: null, problem });
    return problem === null;
  }

  #show({ context, etag }: TaggedContext): void {
    this.#etag = etag;
    this.#set({ phase: 'ready', context });
  }

  #set(changes: Partial<ContextState>): void {
    this.state.update((state) => ({ ...state, ...changes }));
  }
}

function problemText(error: unknown): string {
  if (error instanceof ApiError && ['stale', 'context_changed'].includes(error.code)) {
    return CONFLICT;
  }
  return errorMessage(error);
}
