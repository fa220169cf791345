import { msg, str } from '@lit/localize';

import { formatCount, formatNumber } from '../state/numbers';

/** The panel “Chat settings”, and the buttons that open it. */
export const settingsWords = {
  title: () => msg('Chat settings'),
  loading: () => msg('Loading'),
  loadFailed: () => msg('The chat settings can’t be loaded.'),
  tryAgain: () => msg('Try again'),
  save: () => msg('Save'),
  saving: () => msg('Saving…'),
  saved: () => msg('Saved'),
  unsaved: () => msg('Not saved yet'),
  cancel: () => msg('Cancel'),
  serverDefault: () => msg('Server default'),
  conflict: () =>
    msg(
      'This was changed in another tab or browser. Your text is still here: save again to replace the other version.',
    ),
};

/** Instructions: the system prompt of the chat, and the default of all chats. */
export const instructionWords = {
  title: () => msg('Instructions'),
  about: () => msg('Tell the model how to answer: its role, tone, language or format.'),
  forThisChat: () => msg('For this chat'),
  forAllChats: () => msg('Default for all my chats'),
  saveForThisChat: () => msg('Save this chat’s instructions'),
  saveForAllChats: () => msg('Save the default instructions'),
  ownApply: (tokens: number) => msg(str`Used in this chat only. ${formatCount(tokens, 'token')}.`),
  defaultApplies: () => msg('Using your default below. Write your own for this chat.'),
  serverApplies: () => msg('Using the server default. Write your own for this chat.'),
  noneApply: () => msg('No instructions yet. Write your own for this chat.'),
  defaultHelp: () => msg('Used in every chat without its own instructions.'),
  reset: () => msg('Reset to default'),
  remove: () => msg('Remove'),
};

/** The maximum length of an answer. */
export const lengthWords = {
  title: () => msg('Maximum answer length'),
  label: () => msg('Tokens per answer'),
  save: () => msg('Save the maximum answer length'),
  help: (limit: number) =>
    msg(
      str`1 to ${formatNumber(limit)} tokens; a token is about three quarters of a word. Leave empty for the server default.`,
    ),
  invalid: (limit: number) => msg(str`Enter a whole number from 1 to ${formatNumber(limit)}.`),
};

/** The sampling parameters. */
export const creativityWords = {
  title: () => msg('Creativity'),
  save: () => msg('Save the creativity settings'),
  advanced: () => msg('Advanced'),
  temperature: () => msg('Temperature'),
  temperatureHelp: () => msg('Lower is more focused, higher more varied (0 to 2).'),
  topP: () => msg('Word choice (top p)'),
  topPHelp: () => msg('Lower considers only the most likely words (0 to 1).'),
  presencePenalty: () => msg('New topics (presence penalty)'),
  presencePenaltyHelp: () => msg('Higher values discourage repeating topics (-2 to 2).'),
  frequencyPenalty: () => msg('New words (frequency penalty)'),
  frequencyPenaltyHelp: () => msg('Higher values discourage repeating words (-2 to 2).'),
  seed: () => msg('Seed'),
  seedHelp: () => msg('A whole number. The same seed makes the same answer more likely.'),
  effort: () => msg('Reasoning effort'),
  effortHelp: () => msg('How much the model reasons before it answers.'),
  outOfRange: (min: number, max: number) => msg(str`Enter a number from ${min} to ${max}.`),
  notWhole: () => msg('Enter a whole number.'),
};

/** Sample questions and answers. */
export const exampleWords = {
  title: () => msg('Examples'),
  about: () => msg('Show the model how to answer with sample questions and answers.'),
  add: () => msg('Add an example'),
  question: () => msg('Question'),
  answer: () => msg('Answer'),
  confirm: () => msg('Add'),
  remove: () => msg('Remove'),
  removeNumber: (number: number) => msg(str`Remove example ${formatNumber(number)}`),
};

/** The use of the model’s window. */
export const contextWords = {
  title: () => msg('Context'),
  about: (window: number) =>
    msg(
      str`The model can handle ${formatCount(window, 'token')} at once: this chat and the next answer.`,
    ),
  used: () => msg('Used'),
  reserved: () => msg('Reserved for the answer'),
  free: () => msg('Free'),
  instructions: () => msg('Instructions'),
  examples: () => msg('Examples'),
  summary: () => msg('Summary of older messages'),
  messages: () => msg('Messages'),
  usage: (used: number, window: number) =>
    msg(str`${formatNumber(used)} of ${formatCount(window, 'token')} used`),
  meter: (used: number, window: number) =>
    msg(str`${formatNumber(used)} of ${formatCount(window, 'token')}`),
  leftOut: (count: number) =>
    count === 1
      ? msg('1 older message doesn’t fit and isn’t sent to the model. You can still read it.')
      : msg(
          str`${formatCount(count, 'older message')} don’t fit and aren’t sent to the model. You can still read them.`,
        ),
};

/** The summary of older messages. */
export const summaryWords = {
  title: () => msg('Summary'),
  save: () => msg('Save the summary'),
  none: () =>
    msg(
      'No summary yet. When a chat gets too long for the model, older messages are summarised; you can still read them all.',
    ),
  about: (count: number) =>
    count === 1
      ? msg('Replaces the oldest message when asking the model.')
      : msg(str`Replaces the ${formatNumber(count)} oldest messages when asking the model.`),
  author: (author: 'model' | 'user' | 'import') =>
    ({
      model: msg('Written by the model'),
      user: msg('Written by you'),
      import: msg('Imported'),
    })[author],
  details: (author: string, day: string, tokens: number) =>
    msg(str`${author}, ${day}. ${formatCount(tokens, 'token')}.`),
  remove: () => msg('Remove'),
};
