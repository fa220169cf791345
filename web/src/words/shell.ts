import { msg, str } from '@lit/localize';

export const shellWords = {
  skip: () => msg('Skip to the chat'),
  loadFailed: () => msg('This part of the page can’t be loaded. Please reload the page.'),
};

/** The header, and the menu at its end. */
export const headerWords = {
  product: () => msg('Webchat'),
  conversations: () => msg('Chats'),
  showSidebar: (keys: string) => msg(str`Show sidebar (${keys})`),
  hideSidebar: (keys: string) => msg(str`Hide sidebar (${keys})`),
  model: (name: string) => msg(str`Model: ${name}`),
  newChat: () => msg('New chat'),
  chatSettings: () => msg('Chat settings'),
  shortcuts: () => msg('Keyboard shortcuts'),
  menu: () => msg('Menu'),
  importConversations: () => msg('Import chats…'),
  exportConversations: () => msg('Export all chats'),
  apiReference: () => msg('API reference'),
};

/** The connection’s state in the header. */
export const connectionStateWords = {
  reconnecting: () => msg('Reconnecting…'),
  restarting: () => msg('The server is restarting…'),
  offline: () => msg('Offline'),
  'too-many-connections': () => msg('Not connected'),
  'server-full': () => msg('Not connected'),
  'origin-not-allowed': () => msg('Not connected'),
  'websocket-blocked': () => msg('Not connected'),
};

/** The bar that reports a lost connection: what has happened, and what happens to messages and files. */
export const connectionWords = {
  reconnecting: () => msg('The server can’t be reached.'),
  restarting: () => msg('The server is restarting and will be back in a moment.'),
  offline: () => msg('You are offline.'),
  'too-many-connections': () => msg('Too many open tabs, here or on your network.'),
  'server-full': () => msg('Too many people are connected to the server.'),
  'origin-not-allowed': () => msg('The server does not accept this address.'),
  'websocket-blocked': () => msg('The live connection is blocked.'),
  cookiesBlocked: () => msg('Your browser blocks cookies.'),
  unsentMessages: () => msg('Messages and files will be sent when the connection is back.'),
  closeTabs: () => msg('Close some of them to connect this one. Your messages will still be sent.'),
  askAdministrator: () =>
    msg('Ask your administrator to add it to the allowed origins. Your messages are kept here.'),
  allowWebSockets: () =>
    msg(
      'A browser extension, proxy or firewall does not allow WebSockets. Your messages are kept here.',
    ),
  allowCookies: () =>
    msg(
      'Allow them for this site: without its cookie, the server can’t tell which chats are yours.',
    ),
  tryNow: () => msg('Try now'),
};

/** The bar that reports an error. */
export const noticeWords = {
  secondsLeft: (seconds: string) => msg(str`${seconds} s`),
  cancelRetry: () => msg('Cancel'),
};

/** The dialog with the keyboard shortcuts. */
export const shortcutWords = {
  heading: () => msg('Keyboard shortcuts'),
  singleKeys: () => msg('Single-key shortcuts'),
  everywhere: () => msg('Everywhere'),
  showShortcuts: () => msg('Show these shortcuts'),
  search: () => msg('Search'),
  searchWhileTyping: () => msg('Search, even while typing'),
  newChat: () => msg('Start a new chat'),
  toggleSidebar: () => msg('Show or hide the sidebar'),
  conversationAbove: () => msg('Open the chat above, when the message box is empty'),
  conversationBelow: () => msg('Open the chat below, when the message box is empty'),
  chatSettings: () => msg('Open the chat settings'),
  focusMessage: () => msg('Go to the message box'),
  undo: () => msg('Undo a deletion, when not typing'),
  close: () => msg('Close a dialog or menu, or stop the answer'),
  messageField: () => msg('Message box'),
  send: () => msg('Send'),
  newLine: () => msg('New line'),
  editLast: () => msg('Edit your last question, when the message box is empty'),
  lists: () => msg('Chats and search results'),
  move: () => msg('Move up or down'),
  open: () => msg('Open'),
  rename: () => msg('Rename'),
  delete: () => msg('Delete'),
};

/** Desktop notifications about answers, and the menu item that turns them on and off. */
export const answerNotificationWords = {
  answered: () => msg('The answer is ready.'),
  turnOn: () => msg('Notify me when an answer is ready'),
  turnOff: () => msg('Turn off notifications'),
  on: () =>
    msg('You will be notified when an answer arrives while this page is in the background.'),
  off: () => msg('Notifications are off.'),
  blocked: () =>
    msg('This browser blocks notifications. You can allow them in its settings for this site.'),
};
