import { browserStorage } from '../composer/drafts';

const KEY = 'webchat.single-keys';

/** Whether single keys are shortcuts: who dictates, or hits keys by mistake, switches them off. */
export function hasSingleKeys(): boolean {
  return browserStorage()?.getItem(KEY) !== 'off';
}

export function keepSingleKeys(isOn: boolean): void {
  if (isOn) browserStorage()?.removeItem(KEY);
  else browserStorage()?.setItem(KEY, 'off');
}
