import { msg, str } from '@lit/localize';

/** The command that prints a conversation, and the text above a printed conversation. */
export const printWords = {
  print: () => msg('Print or save as PDF'),
  preparing: () => msg('Loading the whole chat to print it…'),
  loadFailed: () => msg('Some messages can’t be loaded, so the chat wasn’t printed.'),
  startedOn: (date: string) => msg(str`Started on ${date}`),
  printedOn: (date: string) => msg(str`printed on ${date}`),
  earlierMissing: () =>
    msg('Earlier messages are missing. To print them all, use “Print or save as PDF” in the menu.'),
};
