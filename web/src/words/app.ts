import { msg, str } from '@lit/localize';

/** Messages of the page's controller. */
export const appWords = {
  notConnected: () => msg('You are not connected. Please try again when the connection is back.'),
  modelUnsaved: () => msg('The model could not be changed.'),
  stopNotSent: () => msg('You are not connected, so the answer can’t be stopped now.'),
  draftsUnstored: () =>
    msg('Your browser’s storage is full or blocked. Unsent text is lost when you close this tab.'),
};

/** The toasts about whole conversations. */
export const conversationWords = {
  undo: () => msg('Undo'),
  archived: () => msg('Archived.'),
  unarchived: () => msg('Unarchived.'),
  saved: () => msg('Saved on the server.'),
  download: () => msg('Download'),
  cleared: () => msg('Chat cleared.'),
  deleted: (title: string) => msg(str`“${title}” was deleted.`),
};

/** The errors of requests that the server did not describe. */
export const requestWords = {
  unreachable: () => msg('The server can’t be reached. Please try again in a moment.'),
  invalidResponse: () => msg('The server sent an invalid response.'),
  failed: (status: number) => msg(str`The server responded with status ${status}.`),
};
