import Archive from '@carbon/icons/es/archive/16.js';
import Download from '@carbon/icons/es/download/16.js';
import Edit from '@carbon/icons/es/edit/16.js';
import Printer from '@carbon/icons/es/printer/16.js';
import Reset from '@carbon/icons/es/reset/16.js';
import Save from '@carbon/icons/es/save/16.js';
import TrashCan from '@carbon/icons/es/trash-can/16.js';
import Undo from '@carbon/icons/es/undo/16.js';

import type { ExportFormat } from '../api/conversation-api';
import type { Conversation } from '../api/types';
import type { App } from '../app/app';
import { printConversation } from '../thread/print';
import { downloadName } from '../state/file-name';
import { downloadFile } from '../ui/download';
import type { MenuItem } from '../ui/overlays/popup-menu';
import { printWords } from '../words/print';
import { conversationMenuWords as words } from '../words/sidebar';

const FORMATS: [ExportFormat, () => string][] = [
  ['markdown', words.exportMarkdown],
  ['json', words.exportJson],
  ['flask', words.exportFlask],
];

/** The menu items of a conversation. Its row provides `rename` and `delete`, because they move the focus. */
export function conversationMenu(
  app: App,
  conversation: Conversation,
  row: { rename: () => void; delete: () => void },
): MenuItem[] {
  const { conversations } = app;
  const { conversation_id: id, archived } = conversation;
  return [
    { label: words.rename(), icon: Edit, run: row.rename },
    {
      label: archived ? words.unarchive() : words.archive(),
      icon: archived ? Undo : Archive,
      run: () => void conversations.setArchived(id, !archived),
    },
    ...FORMATS.map(([format, label], index) => ({
      label: label(),
      icon: Download,
      run: () => void download(app, conversation, format),
      isSeparated: index === 0,
    })),
    { label: printWords.print(), icon: Printer, run: () => void printConversation(app, id) },
    { label: words.save(), icon: Save, run: () => void conversations.save(id) },
    {
      label: words.clear(),
      icon: Reset,
      isSeparated: true,
      run: () => app.dialog.set({ kind: 'reset', id }),
    },
    { label: words.delete(), icon: TrashCan, isDangerous: true, run: row.delete },
  ];
}

const EXTENSIONS: Record<ExportFormat, string> = { markdown: 'md', json: 'json', flask: 'json' };

/** Downloads the conversation as a file that is named by its title. */
async function download(app: App, conversation: Conversation, format: ExportFormat): Promise<void> {
  const file = await app.conversations.export(conversation.conversation_id, format);
  const title = conversation.title ?? '';
  if (file) downloadFile(file, downloadName(title, new Date(), EXTENSIONS[format]));
}
