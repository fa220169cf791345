import { html, nothing, render } from 'lit';

import type { App } from '../app/app';
import { backgroundDone } from '../markdown/background';
import { runQueued } from '../markdown/scheduler';
import { formatLongDate } from '../state/dates';
import { isComplete, loadAll } from '../state/thread/load-all';
import { printWords as words } from '../words/print';
import { listWords } from '../words/sidebar';
import { preparePrint } from './print-layout';

/** Prints a conversation: opens it, loads and renders all of its messages, then opens the browser's dialog. */
export async function printConversation(app: App, id: string): Promise<void> {
  if (app.thread.value.conversationId !== id) await app.open(id);
  const thread = app.thread.value;
  const toast = isComplete(thread) ? null : app.toasts.show(words.preparing(), { kind: 'info' });
  const isLoaded = await loadAll(thread);
  if (toast !== null) app.toasts.dismiss(toast);
  // The user may have opened another conversation in the meantime.
  if (app.thread.value !== thread || thread.state.value.phase !== 'ready') return;
  if (!isLoaded) {
    app.notice.set(words.loadFailed());
    return;
  }
  await rendered();
  print();
}

/** Waits until the messages, their code and their formulas are rendered. */
async function rendered(): Promise<void> {
  do await componentsRendered();
  while (runQueued());
  await backgroundDone();
  await document.fonts.ready;
}

/** Components render in microtasks. */
function componentsRendered(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Prepares the page whenever it is printed. */
export function bindPrinting(app: App): void {
  const header = document.createElement('div');
  header.className = 'print-header';
  let restore: (() => void) | null = null;
  // The components in the messages that it renders are rendered before the next listener runs.
  addEventListener('beforeprint', runQueued);
  addEventListener('beforeprint', () => {
    runQueued();
    render(printHeader(app), header);
    document.body.prepend(header);
    restore = preparePrint(document.querySelector('.messages'));
  });
  addEventListener('afterprint', () => {
    header.remove();
    restore?.();
  });
}

function printHeader(app: App) {
  const thread = app.thread.value;
  const conversation = app.conversations.find(thread.conversationId ?? '');
  const dates = [words.printedOn(formatLongDate(new Date()))];
  if (conversation)
    dates.unshift(words.startedOn(formatLongDate(new Date(conversation.created_at))));
  return html`<h1 dir="auto">${conversation?.title ?? listWords.untitled()}</h1>
    <p>${dates.join(', ')}</p>
    ${isComplete(thread) ? nothing : html`<p>${words.earlierMissing()}</p>`}`;
}
