import { msg, str } from '@lit/localize';

import { formatCount, formatNumber, formatTenths } from '../state/numbers';

/** In the language of the words around the list, not in the reader's. */
const LIST = new Intl.ListFormat('en', { type: 'conjunction', style: 'long' });

/** Sizes with their units. */
export const sizeWords = {
  bytes: (size: number) => formatCount(size, 'byte'),
  kilobytes: (size: number) => msg(str`${formatTenths(size)} KB`),
  megabytes: (size: number) => msg(str`${formatTenths(size)} MB`),
  gigabytes: (size: number) => msg(str`${formatTenths(size)} GB`),
};

/** Which files can be attached. */
export const acceptedFileWords = {
  /** “TXT, MD and JSON”. */
  kinds: (kinds: readonly string[]) => LIST.format(kinds),
  /** The hint before a file is chosen: “TXT, MD and JSON files, up to 5 MB”. */
  hint: (kinds: string, size: string) => msg(str`${kinds} files, up to ${size}`),
  attach: (hint: string) => msg(str`Attach files: ${hint}`),
  drop: (hint: string) => msg(str`Drop to attach: ${hint}`),
  unsupported: (name: string, kinds: string) =>
    msg(str`“${name}” can’t be attached. Accepted are ${kinds} files.`),
  tooLarge: (name: string, size: string, limit: string) =>
    msg(str`“${name}” is too large (${size}). A file can have up to ${limit}.`),
};

/** The files above the message field, which are being uploaded or read. */
export const attachmentWords = {
  list: () => msg('Files'),
  waiting: (size: string) => msg(str`Waiting, ${size}`),
  sending: (done: string, total: string) => msg(str`Uploading… ${done} of ${total}`),
  reading: () => msg('Reading…'),
  readingParts: (done: number, total: number) =>
    msg(str`Reading… ${formatNumber(done)} of ${formatNumber(total)}`),
  failed: () => msg('The file could not be analysed.'),
  rejected: () => msg('The file was rejected.'),
  waitsForConnection: () =>
    msg('The server can’t be reached. The file will be uploaded when the connection is back.'),
  progress: (name: string) => msg(str`Progress of ${name}`),
  tryAgain: () => msg('Try again'),
  cancel: () => msg('Cancel'),
  dismiss: () => msg('Dismiss'),
  /** The label of a button that concerns one of the files. */
  named: (action: string, name: string) => msg(str`${action}: ${name}`),
};

/** The card of a file in a question. */
export const fileCardWords = {
  file: (name: string) => msg(str`File: ${name}`),
  otherKind: () => msg('Text'),
};
