import type { App } from '../app/app';
import { type Command, commandOf, type KeyContext } from '../state/page/shortcuts';
import { singleKeysEnabled } from '../state/page/single-keys';
import { isComposing } from '../ui/keyboard/composition';
import { isApple } from '../ui/keyboard/keys';

/** The handler of each command. */
type Handlers = Record<Command, () => void>;

/** Binds the page's shortcuts. Returns a function that unbinds them. */
export function bindShortcuts(app: App, handlers: Handlers): () => void {
  const handle = (event: KeyboardEvent) => {
    if (event.defaultPrevented || isComposing(event) || app.dialog.value !== null) return;
    const context = contextOf(event.target);
    const command = commandOf(event, context, singleKeysEnabled(), isApple());
    if (command === null || !isPossible(command, app, event.target)) return;
    event.preventDefault();
    handlers[command]();
  };
  document.addEventListener('keydown', handle);
  return () => document.removeEventListener('keydown', handle);
}

/** Whether the page handles the command, and not the browser. */
function isPossible(command: Command, app: App, target: EventTarget | null): boolean {
  if (command === 'stop') return canStop(app, target);
  return command !== 'print' || app.thread.value.conversationId !== null;
}

/** Whether Escape stops the running answer: not in another field than that for messages, nor if it closes something. */
function canStop(app: App, target: EventTarget | null): boolean {
  const isOtherField = contextOf(target) !== 'page' && (target as HTMLElement).id !== 'composer';
  const isRunning = app.thread.value.state.value.runningTurn !== null;
  return isRunning && !isOtherField && document.querySelector(':popover-open') === null;
}

function contextOf(target: EventTarget | null): KeyContext {
  if (!(target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement)) return 'page';
  return target.value === '' ? 'empty-field' : 'text';
}
