const APPLE_KEYS: Record<string, string> = { Ctrl: '⌘', Alt: '⌥', Shift: '⇧' };

/** The name of a key on this device's keyboard: on Apple keyboards, ⌘ takes the place of Ctrl. */
export function keyName(key: string, userAgent = navigator.userAgent): string {
  return isApple(userAgent) ? (APPLE_KEYS[key] ?? key) : key;
}

/** The keys of a shortcut as one text: `Ctrl+B`, or `⌘B` on Apple keyboards. */
export function keysText(keys: readonly string[], userAgent = navigator.userAgent): string {
  return keys.map((key) => keyName(key, userAgent)).join(isApple(userAgent) ? '' : '+');
}

/** Whether the device has an Apple keyboard. */
export function isApple(userAgent = navigator.userAgent): boolean {
  return /mac|iphone|ipad/i.test(userAgent);
}
