import { browserStorage } from '../storage';

const KEY = 'webchat.single-keys';

/** Whether single-key shortcuts are enabled. People who dictate, or press keys by mistake, can disable them. */
export function singleKeysEnabled(): boolean {
  return browserStorage()?.getItem(KEY) !== 'off';
}

export function setSingleKeysEnabled(isEnabled: boolean): void {
  if (isEnabled) browserStorage()?.removeItem(KEY);
  else browserStorage()?.setItem(KEY, 'off');
}
