import { msg, str } from '@lit/localize';

/** The bar that reports a lost connection. */
export const connectionWords = {
  reconnecting: () => msg('The server can’t be reached.'),
  restarting: () => msg('The server is restarting and will be back in a moment.'),
  offline: () => msg('You are offline.'),
  unsentMessages: () => msg('Messages you write now will be sent when the connection is back.'),
  tryNow: () => msg('Try now'),
};

/** The bar that reports an error. */
export const noticeWords = {
  secondsLeft: (seconds: string) => msg(str`${seconds} s`),
  retriesIn: (seconds: string) => msg(str`Trying again in ${seconds} s.`),
  cancelRetry: () => msg('Cancel'),
};
