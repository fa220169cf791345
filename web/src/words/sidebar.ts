import { msg, str } from '@lit/localize';

export const sidebarWords = {
  conversations: () => msg('Conversations'),
  newChat: () => msg('New chat'),
  newChatTooltip: (keys: string) => msg(str`New chat (${keys})`),
  archived: () => msg('Archived'),
  backToConversations: () => msg('Back to the conversations'),
};

/** The field of the search, and what it finds. */
export const searchWords = {
  search: () => msg('Search'),
  searchTooltip: (keys: string) => msg(str`Search (${keys})`),
  searchConversations: () => msg('Search all conversations'),
  clear: () => msg('Clear search'),
  noResults: (query: string) => msg(str`No results for “${query}”.`),
  hint: () => msg('Use "quotes" for an exact phrase and -word to exclude.'),
  tryAgain: () => msg('Try again'),
  you: () => msg('You'),
  answer: () => msg('Answer'),
  author: (author: string, date: string) => msg(str`${author}, ${date}`),
  oneMessage: () => msg('One message found'),
  messages: (count: number) => msg(str`${count} messages found`),
  oneTitle: () => msg('One title found'),
  titles: (count: number) => msg(str`${count} titles found`),
  untitled: () => msg('Conversation'),
};

/** The list of conversations. */
export const listWords = {
  loading: () => msg('Loading conversations'),
  loadFailed: () => msg('The conversations can’t be loaded.'),
  tryAgain: () => msg('Try again'),
  empty: () => msg('Your conversations will appear here.'),
  emptyArchive: () => msg('No archived conversations.'),
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
  exportMarkdown: () => msg('Export as Markdown'),
  exportJson: () => msg('Export as JSON'),
  exportFlask: () => msg('Export for the Flask application'),
  save: () => msg('Save on the server'),
  clear: () => msg('Clear messages…'),
  delete: () => msg('Delete'),
};

/** The dialog that imports conversations. */
export const importWords = {
  heading: () => msg('Import conversations'),
  sources: () =>
    msg(
      'Choose an export from Webchat, ChatGPT, Claude, Open WebUI, LibreChat, DeepSeek or Qwen. You don’t need to unpack the ZIP file of ChatGPT or Claude.',
    ),
  choose: () => msg('Choose a file'),
  orDrop: () => msg('or drop it here'),
  continues: () => msg('The import continues if you close this dialog.'),
  leftOut: () => msg('What was left out'),
};

/** The dialog that confirms the clearing of a conversation. */
export const resetWords = {
  heading: () => msg('Clear this conversation?'),
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
