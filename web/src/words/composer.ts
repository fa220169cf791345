import { msg, str } from '@lit/localize';

/** The form for a new message. */
export const composerWords = {
  label: () => msg('Message'),
  placeholder: () => msg('Write a message'),
  send: () => msg('Send'),
  stop: () => msg('Stop'),
  attach: () => msg('Attach files'),
  files: () => msg('Files'),
  dropFiles: () => msg('Drop the files to attach them'),
  toSend: () => msg('to send'),
  forNewLine: () => msg('for a new line'),
  waitForAnswer: () => msg('Not sent: wait for the answer or stop it.'),
  foldersRefused: () => msg('Folders can’t be attached. Choose the files in them instead.'),
  tooLong: (size: string, limit: string) =>
    msg(str`This text is too long (${size}). A message can have up to ${limit}.`),
  attachText: () => msg('Attach it as a file'),
};

/** The choice of the model. */
export const modelWords = {
  label: () => msg('Model'),
  unavailable: (name: string) => msg(str`${name} (not available)`),
  chooseAnother: () => msg('Not sent: choose another model, as this one is not available.'),
};

/** The editor of a question. */
export const editorWords = {
  label: () => msg('Question'),
  /** The label and the hint in the editor of a question about a file. */
  fileLabel: () => msg('What should the analysis answer?'),
  fileHint: () => msg('Leave this empty for a general analysis.'),
  cancel: () => msg('Cancel'),
  send: () => msg('Send'),
  discarded: () => msg('Your changes were discarded.'),
  undo: () => msg('Undo'),
};
