import { msg, str } from '@lit/localize';

/** The text of messages: code, tables, tasks, footnotes and long questions. */
export const contentWords = {
  code: () => msg('Code'),
  plainText: () => msg('text'),
  wrapLines: () => msg('Wrap lines'),
  downloadCode: () => msg('Download code'),
  copyCode: () => msg('Copy code'),
  table: () => msg('Table'),
  formula: () => msg('Formula'),
  taskDone: () => msg('Done'),
  taskOpen: () => msg('To do'),
  footnote: (label: string) => msg(str`Footnote ${label}`),
  backToText: (label: string) => msg(str`Back to the reference to footnote ${label}`),
  showMore: () => msg('Show more'),
  showLess: () => msg('Show less'),
};
