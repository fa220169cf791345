import { ApiError } from '../../api/client';
import type { ContextApi, TaggedContext } from '../../api/context-api';
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
  /** What is being written. */
  saving: ContextPart | null;
  /** Why it could not be. */
  problem: ContextProblem | null;
}

const CHANGED =
  'It was changed elsewhere meanwhile. What you wrote is still here: save it again to put it in place.';

/** The context of one conversation, as it is read and changed by its user. */
export class ContextEditor {
  readonly state = new Store<ContextState>({
    phase: 'loading',
    context: null,
    saving: null,
    problem: null,
  });
  #etag: string | null = null;

  constructor(
    private readonly api: ContextApi,
    readonly conversationId: string,
  ) {}

  async read(): Promise<void> {
    try {
      this.#show(await this.api.read(this.conversationId));
    } catch {
      this.#set({ phase: this.state.value.context === null ? 'failed' : 'ready' });
    }
  }

  /** Each of these is `true` when it was done; else `problem` says why it was not. */
  change(part: 'system_prompt' | 'parameters', changes: ContextChanges): Promise<boolean> {
    return this.#write(part, () => this.api.change(this.conversationId, changes, this.#etag));
  }

  replaceSummary(text: string): Promise<boolean> {
    return this.#write('summary', () =>
      this.api.replaceSummary(this.conversationId, text, this.#etag),
    );
  }

  removeSummary(): Promise<boolean> {
    return this.#write('summary', () => this.api.removeSummary(this.conversationId, this.#etag));
  }

  addExample(userPrompt: string, assistantResponse: string): Promise<boolean> {
    return this.#write('examples', () =>
      this.api.addExample(this.conversationId, userPrompt, assistantResponse),
    );
  }

  removeExample(exampleId: string): Promise<boolean> {
    return this.#write('examples', () => this.api.removeExample(this.conversationId, exampleId));
  }

  async #write(part: ContextPart, write: () => Promise<void>): Promise<boolean> {
    this.#set({ saving: part, problem: null });
    let problem: ContextProblem | null = null;
    try {
      await write();
    } catch (error) {
      problem = { part, text: problemText(error) };
    }
    // Also after a refusal: what is there now is what one has to know.
    await this.read();
    this.#set({ saving: null, problem });
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
    return CHANGED;
  }
  return error instanceof Error ? error.message : String(error);
}
