import type { ThreadMessage } from './thread-message';

export type Remedy = 'continue' | 'regenerate' | 'send-again' | 'edit' | 'attach';

/** What is said under a message that did not go as it should, and what can be done about it. */
export interface Ending {
  isBad: boolean;
  text: string;
  /** What helps. */
  hint: string | null;
  remedies: readonly Remedy[];
}

/** `null` for a message that is as it should be. */
export function endingOf(message: ThreadMessage): Ending | null {
  switch (message.status) {
    case 'unsent':
      return unsent(message);
    case 'stopped':
      return {
        isBad: false,
        text: 'Stopped.',
        hint: null,
        remedies: again(message),
      };
    case 'interrupted':
      return {
        isBad: false,
        text: 'The server went away in the middle of this answer.',
        hint: null,
        remedies: again(message),
      };
    case 'truncated':
      return {
        isBad: false,
        text: 'The answer reached its length limit.',
        hint: null,
        remedies: again(message),
      };
    case 'failed':
      return failed(message);
    default:
      return null;
  }
}

/** An answer that is there in part goes on; one of which nothing came is made anew. */
function again({ content }: ThreadMessage): Remedy[] {
  return [content === '' ? 'regenerate' : 'continue'];
}

function unsent({ problem }: ThreadMessage): Ending {
  const isTooLong = problem?.code === 'message_too_long';
  return {
    isBad: true,
    text: problem?.message ?? 'This message was not sent.',
    hint: isTooLong ? 'Or attach it as a file: a file may be longer.' : null,
    remedies: isTooLong ? ['edit', 'attach'] : ['send-again', 'edit'],
  };
}

const OPERATOR = 'Only whoever runs this server can mend that.';

const HINTS: Record<string, string> = {
  model_key_refused: OPERATOR,
  model_not_found: OPERATOR,
  model_content_filter: 'Put the question in other words.',
  model_context_too_long: 'Shorten the question, or begin a new chat.',
  model_parameter_refused: 'Change the parameters of this conversation.',
};

function failed(message: ThreadMessage): Ending {
  const { problem } = message;
  const code = problem?.code ?? '';
  const isOfQuestion = code === 'model_content_filter' || code === 'model_context_too_long';
  return {
    isBad: true,
    text: problem?.message ?? 'This answer failed.',
    hint: HINTS[code] ?? null,
    remedies: isOfQuestion ? ['edit'] : again(message),
  };
}
