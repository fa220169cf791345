import { msg } from '@lit/localize';

/** The button that closes a notification or a toast. */
export const dismissWords = {
  dismiss: () => msg('Dismiss'),
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
