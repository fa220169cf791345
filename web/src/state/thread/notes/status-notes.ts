import { statusWords } from '../../../words/thread';
import { type Action, isBlank, type ThreadMessage } from '../thread-message';

/** The note under a message that was not sent, or under an incomplete answer: what happened, and what helps. */
export interface StatusNote {
  isError: boolean;
  text: string;
  actions: readonly Action[];
}

/**
 * Returns the status note of a message; `null` if it needs none. `maxTokens` is the maximum answer length that is set
 * for the chat; `null` if there is none, or if it is unknown.
 */
export function statusNoteOf(
  message: ThreadMessage,
  maxTokens: number | null = null,
): StatusNote | null {
  switch (message.status) {
    case 'unsent':
      return unsent(message);
    case 'stopped':
      return note(statusWords.stopped(), retryActions(message));
    case 'interrupted':
      return note(statusWords.interrupted(), retryActions(message));
    case 'truncated':
      return truncated(message, maxTokens);
    case 'failed':
      return failed(message);
    case 'complete':
      return message.role === 'assistant' && isBlank(message)
        ? note(statusWords.empty(), ['regenerate'])
        : null;
    default:
      return null;
  }
}

function note(text: string, actions: readonly Action[]): StatusNote {
  return { isError: false, text, actions };
}

function error(text: string, actions: readonly Action[]): StatusNote {
  return { isError: true, text, actions };
}

/** Offers to continue a partial answer, and to regenerate an empty one. */
function retryActions(message: ThreadMessage): Action[] {
  return [isBlank(message) ? 'regenerate' : 'continue'];
}

function truncated(message: ThreadMessage, maxTokens: number | null): StatusNote {
  const { problem } = message;
  if (problem === null && maxTokens !== null && hasReached(maxTokens, message)) {
    return note(statusWords.truncatedByChat(), [...retryActions(message), 'answer-length']);
  }
  return note(problem?.message ?? statusWords.truncated(), retryActions(message));
}

/** Whether an answer may have reached a maximum that may be newer. Models count tokens in different ways. */
function hasReached(maxTokens: number, { tokenCount }: ThreadMessage): boolean {
  return tokenCount === null || tokenCount >= maxTokens / 2;
}

function unsent({ problem }: ThreadMessage): StatusNote {
  const text = problem === null ? statusWords.unsent() : withoutRetryAdvice(problem.message);
  if (problem?.code === 'message_too_long') return error(text, ['edit', 'attach']);
  return error(text, ['send-again', 'edit']);
}

/** Texts that are clearer beside a button than the server's. */
const TEXTS: Record<string, () => string> = {
  model_unreachable: statusWords.unreachable,
  model_rate_limited: statusWords.busy,
  model_failed: statusWords.failed,
};

/** The errors for which trying again does not help, with what does. */
const REMEDIES: Record<string, Action> = {
  model_content_filter: 'edit',
  model_context_too_long: 'edit',
  model_refused: 'edit',
  model_parameter_refused: 'settings',
};

/** The errors that end a partial answer as a lost connection does. */
const LOST_CONNECTION = new Set(['model_failed', 'model_unreachable']);

function failed(message: ThreadMessage): StatusNote {
  const { problem } = message;
  if (problem === null) return error(statusWords.failed(), retryActions(message));
  const { code } = problem;
  const remedy = REMEDIES[code];
  if (remedy) return error(problem.message, [remedy]);
  if (!isBlank(message) && LOST_CONNECTION.has(code)) {
    return error(statusWords.connectionLost(), ['continue']);
  }
  const text = TEXTS[code]?.() ?? withoutRetryAdvice(problem.message);
  return error(text, retryActions(message));
}

/** Removes advice to try again from the end: the button beside the text, or the countdown, says it. */
function withoutRetryAdvice(text: string): string {
  return text.replace(/\s+Please (?:try again|wait a moment|try again in a moment)\.$/, '');
}
