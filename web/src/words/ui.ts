import { msg, str } from '@lit/localize';

/** The button that closes a notification or a toast. */
export const dismissWords = {
  dismiss: () => msg('Dismiss'),
};

/** The countdown to a retry. */
export const countdownWords = {
  retriesIn: (seconds: string) => msg(str`Trying again in ${seconds} s.`),
};

/** Modal dialogs. */
export const modalWords = {
  close: () => msg('Close'),
};

/** The feedback of copy buttons. */
export const copyWords = {
  copied: () => msg('Copied'),
  notCopied: () => msg('Couldn’t copy. Select the text and copy it instead.'),
};

/** The button and the menu item that switch the theme. */
export const themeWords = {
  system: () => msg('Use the system’s theme'),
  light: () => msg('Switch to light theme'),
  dark: () => msg('Switch to dark theme'),
};
