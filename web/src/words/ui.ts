import { msg } from '@lit/localize';

/** The button that closes a notification or a toast. */
export const dismissWords = {
  dismiss: () => msg('Dismiss'),
};

/** Modal dialogs. */
export const modalWords = {
  close: () => msg('Close'),
};
