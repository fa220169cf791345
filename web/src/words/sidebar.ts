import { msg, str } from '@lit/localize';
import { html } from 'lit';

import { formatCount, formatNumber } from '../state/numbers';

export const sidebarWords = {
  conversations: () => msg('Chats'),
  newChat: () => msg('New chat'),
  newChatTooltip: (keys: string) => msg(str`New chat (${keys})`),
  archived: () => msg('Archived'),
  backToConversations: () => msg('Back to the chats'),
};

/** The field of the search, and what it finds. */
export const searchWords = {
  search: () => msg('Search chats'),
  searchTooltip: (keys: string) => msg(str`Search chats (${keys})`),
  clear: () => msg('Clear search'),
  noResults: (query: string) => msg(str`No results for “${query}”.`),
  hint: () =>
    msg(
      html`Use <code>"quotes"</code> for an exact phrase, or <code>-word</code> to exclude a word.`,
    ),
  tryAgain: () => msg('Try again'),
  you: () => msg('You'),
  file: () => msg('File'),
  answer: () => msg('Answer'),
  author: (author: string, date: string) => msg(str`${author}, ${date}`),
  messages: (count: number) => msg(str`${formatCount(count, 'message')} found`),
  titles: (count: number) => msg(str`${formatCount(count, 'title')} found`),
  untitled: () => msg('Chat'),
};

/** The list of conversations. */
export const listWords = {
  loading: () => msg('Loading chats'),
  loadFailed: () => msg('The chats can’t be loaded.'),
  tryAgain: () => msg('Try again'),
  empty: () => msg('Your chats will appear here.'),
  emptyArchive: () => msg('No archived chats.'),
  untitled: () => msg('New chat'),
  options: () => msg('Options'),
  optionsFor: (title: string) => msg(str`Options for ${title}`),
  title: () => msg('Title'),
};

/** The menu of a conversation. */
export const conversationMenuWords = {
  rename: () => msg('Rename'),
  archive: () => msg('Archive'),
  unarchive: () => msg('Unarchive'),
  /** The name of an exported file if the title can’t be one. */
  fileName: () => msg('Chat'),
  exportMarkdown: () => msg('Export as Markdown'),
  exportJson: () => msg('Export as JSON'),
  exportFlask: () => msg('Export as Flask JSON'),
  save: () => msg('Save a copy on the server'),
  clear: () => msg('Clear chat…'),
  delete: () => msg('Delete'),
};

/** The dialog that imports conversations. */
export const importWords = {
  heading: () => msg('Import chats'),
  sources: () =>
    msg(
      'Choose an export from Webchat, ChatGPT, Claude, Open WebUI, LibreChat, DeepSeek or Qwen. You don’t need to unpack the ZIP file of ChatGPT or Claude.',
    ),
  choose: () => msg('Choose a file'),
  orDrop: () => msg('or drop it here'),
  continues: () => msg('The import continues if you close this dialog.'),
  leftOut: () => msg('What was left out'),
};

/** The progress and the result of an import. */
export const importResultWords = {
  sending: (file: string) => msg(str`Sending ${file}…`),
  reading: (file: string) => msg(str`Reading ${file}…`),
  running: (file: string, done: number, total: number) =>
    msg(str`${file}: ${formatNumber(done)} of ${formatCount(total, 'chat')}`),
  complete: (file: string, summary: string) => msg(str`${file}: ${summary}`),
  failed: (file: string, reason: string) => msg(str`${file} could not be imported. ${reason}`),
  partial: (file: string, reason: string, summary: string) =>
    msg(str`Only a part of ${file} was imported. ${reason} ${summary}`),
  unknown: (file: string) =>
    msg(
      str`The server no longer reports the progress of ${file}. The import may still be running. If chats are missing later, import the file again: nothing is added twice.`,
    ),
  imported: (count: number) => msg(str`Imported ${formatCount(count, 'chat')}.`),
  updated: (count: number) => msg(str`Added new messages to ${formatCount(count, 'chat')}.`),
  unchanged: (count: number) =>
    count === 1
      ? msg('1 chat was already up to date.')
      : msg(str`${formatCount(count, 'chat')} were already up to date.`),
  leftOut: (count: number) =>
    count === 1
      ? msg('1 item was left out.')
      : msg(str`${formatCount(count, 'item')} were left out.`),
  nothing: () => msg('There was nothing to import.'),
  /** Why a part was left out. */
  reason: (subject: string, reason: string) => msg(str`${subject}: ${reason}.`),
  conversation: (position: number) => msg(str`Chat ${formatNumber(position)}`),
  file: () => msg('File'),
  onlyFirstListed: (count: number) => msg(str`Only the first ${formatNumber(count)} are listed.`),
};

/** The dialog that confirms the clearing of a conversation. */
export const resetWords = {
  heading: () => msg('Clear this chat?'),
  text: (title: string) =>
    msg(
      str`This deletes all messages of “${title}”, its summary, its instructions and its examples. This can’t be undone.`,
    ),
  cancel: () => msg('Cancel'),
  clear: () => msg('Clear'),
};

/** The marks of conversations in the list. */
export const answerMarkWords = {
  running: () => msg('Answering…'),
  unread: () => msg('New answer'),
};

/** The headings of the list. */
export const dayWords = {
  today: () => msg('Today'),
  yesterday: () => msg('Yesterday'),
  lastWeek: () => msg('Last 7 days'),
};
