import { pageStorage } from '../storage';

const NAME = 'single-keys';

/** Whether single-key shortcuts are enabled. People who dictate, or press keys by mistake, can disable them. */
export function singleKeysEnabled(): boolean {
  return pageStorage.get(NAME) !== 'off';
}

export function setSingleKeysEnabled(isEnabled: boolean): void {
  if (isEnabled) pageStorage.remove(NAME);
  else pageStorage.set(NAME, 'off');
}
