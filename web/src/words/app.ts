import { msg } from '@lit/localize';

/** Messages of the page's controller. */
export const appWords = {
  notSent: () => msg('This message was not sent.'),
  notConnected: () => msg('You are not connected. Please try again when the connection is back.'),
  stopNotSent: () => msg('You are not connected, so the answer can’t be stopped now.'),
  draftsUnstored: () =>
    msg('Your browser’s storage is full or blocked. Unsent text is lost when you close this tab.'),
};
