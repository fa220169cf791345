import type { App } from '../app/app';
import { type Command, commandOf, type KeyPlace } from '../state/page/shortcuts';
import { hasSingleKeys } from '../state/page/single-keys';

/** What the shell does for a shortcut. */
type Deeds = Record<Command, () => void>;

/** Hears the page's shortcuts. Returns what ends it. */
export function hearShortcuts(app: App, deeds: Deeds): () => void {
  const hear = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing || app.dialog.value !== null) return;
    const command = commandOf(event, placeOf(event.target), hasSingleKeys());
    if (command === null) return;
    event.preventDefault();
    deeds[command]();
  };
  document.addEventListener('keydown', hear);
  return () => document.removeEventListener('keydown', hear);
}

function placeOf(target: EventTarget | null): KeyPlace {
  if (!(target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement)) return 'page';
  return target.value === '' ? 'empty-field' : 'text';
}
