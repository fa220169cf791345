import type { ThreadMessage } from './thread-message';

export type Action = 'continue' | 'regenerate' | 'send-again' | 'edit' | 'attach';

/** The note under a message that was not sent, or under an incomplete answer. */
export interface StatusNote {
  isError: boolean;
  text: string;
  /** Advice to the user. */
  hint: string | null;
  actions: readonly Action[];
}

/** Returns the status note of a message; `null` if it needs none. */
export function statusNoteOf(message: ThreadMessage): StatusNote | null {
  switch (message.status) {
    case 'unsent':
      return unsent(message);
    case 'stopped':
      return {
        isError: false,
        text: 'You stopped this answer.',
        hint: null,
        actions: retryActions(message),
      };
    case 'interrupted':
      return {
        isError: false,
        text: 'The server stopped before this answer was complete.',
        hint: null,
        actions: retryActions(message),
      };
    case 'truncated':
      return {
        isError: false,
        text: message.problem?.message ?? 'The answer reached its length limit.',
        hint: null,
        actions: retryActions(message),
      };
    case 'failed':
      return failed(message);
    default:
      return null;
  }
}

/** Offers to continue a partial answer, and to regenerate an empty one. */
function retryActions({ content }: ThreadMessage): Action[] {
  return [content === '' ? 'regenerate' : 'continue'];
}

function unsent({ problem }: ThreadMessage): StatusNote {
  const isTooLong = problem?.code === 'message_too_long';
  return {
    isError: true,
    text: problem?.message ?? 'This message was not sent.',
    hint: isTooLong ? 'You can attach it as a file instead: files may be longer.' : null,
    actions: isTooLong ? ['edit', 'attach'] : ['send-again', 'edit'],
  };
}

const ASK_ADMINISTRATOR = 'Ask your administrator to fix this.';

const HINTS: Record<string, string> = {
  model_key_refused: ASK_ADMINISTRATOR,
  model_access_denied: ASK_ADMINISTRATOR,
  model_not_found: ASK_ADMINISTRATOR,
  model_content_filter: 'Rephrase the question.',
  model_context_too_long: 'Shorten the question, or start a new chat.',
  model_parameter_refused: 'Change the parameters of this conversation.',
};

const QUESTION_REJECTED = new Set([
  'model_content_filter',
  'model_context_too_long',
  'model_refused',
]);

function failed(message: ThreadMessage): StatusNote {
  const { problem } = message;
  const code = problem?.code ?? '';
  const isQuestionRejected = QUESTION_REJECTED.has(code);
  return {
    isError: true,
    text: problem?.message ?? 'This answer failed.',
    hint: HINTS[code] ?? null,
    actions: isQuestionRejected ? ['edit'] : retryActions(message),
  };
}
