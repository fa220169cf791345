import { msg, str } from '@lit/localize';

import { formatCount } from '../state/numbers';
import type { Action } from '../state/thread/thread-message';

/** The list of messages. */
export const threadWords = {
  messages: () => msg('Messages'),
  you: () => msg('You'),
  answer: () => msg('Answer'),
  today: () => msg('Today'),
  yesterday: () => msg('Yesterday'),
  jumpToLatest: () => msg('Jump to latest'),
  summary: () => msg('Summary up to here'),
  loadingOlder: () => msg('Loading older messages…'),
  olderFailed: () => msg('Older messages can’t be loaded.'),
  tryAgain: () => msg('Try again'),
  showBetween: () => msg('Show the messages in between'),
  /** Shown while the model has not written anything yet. */
  thinking: (model: string | null) =>
    model === null ? msg('The model is thinking…') : msg(str`${model} is thinking…`),
};

/** The model’s reasoning above its answer. */
export const reasoningWords = {
  thinking: () => msg('Thinking…'),
  thought: (formattedSeconds: string) => msg(str`Thought for ${formattedSeconds} s`),
  thoughtBriefly: () => msg('Thought for a moment'),
};

/** What screen readers announce while an answer streams. */
export const announcerWords = {
  label: () => msg('Streaming answer'),
  /** Announced in place of a code block. */
  code: () => msg('Code.'),
  answering: (model: string | null) =>
    model === null ? msg('Answering…') : msg(str`${model} is answering…`),
};

/** The buttons under a message. */
export const messageActionWords = {
  copyQuestion: () => msg('Copy question'),
  copyAnswer: () => msg('Copy answer'),
  editQuestion: () => msg('Edit question'),
  regenerate: () => msg('Regenerate'),
  regenerateWith: () => msg('Regenerate with another model'),
  versions: () => msg('Versions'),
  earlierVersion: () => msg('Earlier version'),
  laterVersion: () => msg('Later version'),
  version: (number: string, count: string) => msg(str`Version ${number} of ${count}`),
};

/** The details of a message. */
export const messageDetailWords = {
  tokens: (count: number) => formatCount(count, 'token'),
  duration: (formattedSeconds: string) => msg(str`${formattedSeconds} s`),
};

/** The notes under messages that were not sent, and under incomplete answers. */
export const statusWords = {
  stopped: () => msg('You stopped this answer.'),
  interrupted: () => msg('The server stopped before the answer was finished.'),
  truncated: () => msg('The answer reached its length limit.'),
  truncatedByChat: () => msg('This answer reached the maximum length set for this chat.'),
  empty: () => msg('The model sent an empty answer.'),
  connectionLost: () => msg('The connection to the model was lost.'),
  failed: () => msg('The model failed to answer.'),
  unreachable: () => msg('The model can’t be reached.'),
  busy: () => msg('The model is busy.'),
  pending: () => msg('Waiting to send'),
  unsent: () => msg('This message was not sent.'),
  resendsIn: (seconds: string) => msg(str`Sending again in ${seconds} s.`),
  cancel: () => msg('Cancel'),
};

const ACTIONS: Record<Action, () => string> = {
  continue: () => msg('Continue'),
  regenerate: () => msg('Try again'),
  'send-again': () => msg('Send again'),
  edit: () => msg('Edit'),
  attach: () => msg('Attach as a file'),
  settings: () => msg('Open chat settings'),
  'answer-length': () => msg('Change the maximum length'),
};

/** The label of an action that a status note offers. */
export function actionLabel(action: Action): string {
  return ACTIONS[action]();
}

/** A thread without messages. */
export const welcomeWords = {
  heading: () => msg('What would you like to know?'),
  ready: (model: string) => msg(str`${model} is ready to help.`),
  intro: () => msg('Chat with an AI model.'),
  privacy: () => msg('Your chats are stored on this server, and only you can see them.'),
  starters: () => msg('Things to try'),
  caution: () => msg('AI can make mistakes. Check important information.'),
  shortcuts: () => msg('Keyboard shortcuts'),
  loading: () => msg('Loading the chat'),
  notFound: () => msg('Chat not found'),
  notFoundReason: () => msg('It may have been deleted, or started in another browser.'),
  newChat: () => msg('Start a new chat'),
  loadFailed: () => msg('The chat can’t be loaded'),
};

/** The suggestions of a new chat. */
export function starters(): { kind: string; text: string }[] {
  return [
    { kind: msg('Learn'), text: msg('Explain how tides work, in three sentences.') },
    { kind: msg('Create'), text: msg('Write a short poem about the sea.') },
    { kind: msg('Code'), text: msg('Give me a Python function that reverses a string.') },
  ];
}
