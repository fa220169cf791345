import type { App } from '../app/app';
import { type Command, commandOf, type KeyContext } from '../state/page/shortcuts';
import { singleKeysEnabled } from '../state/page/single-keys';
import { isComposing } from '../ui/composition';

/** The handler of each command. */
type Handlers = Record<Command, () => void>;

/** Binds the page's shortcuts. Returns a function that unbinds them. */
export function bindShortcuts(app: App, handlers: Handlers): () => void {
  const handle = (event: KeyboardEvent) => {
    if (event.defaultPrevented || isComposing(event) || app.dialog.value !== null) return;
    const command = commandOf(event, contextOf(event.target), singleKeysEnabled());
    if (command === null) return;
    event.preventDefault();
    handlers[command]();
  };
  document.addEventListener('keydown', handle);
  return () => document.removeEventListener('keydown', handle);
}

function contextOf(target: EventTarget | null): KeyContext {
  if (!(target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement)) return 'page';
  return target.value === '' ? 'empty-field' : 'text';
}
