import { html } from 'lit';
import Asleep from '@carbon/icons/es/asleep/20.js';
import Laptop from '@carbon/icons/es/laptop/20.js';
import Light from '@carbon/icons/es/light/20.js';

import type { Theme, ThemeChoice } from '../state/page/theme';
import { themeWords as words } from '../words/ui';
import { icon } from './icon';

/** Each theme, with what switches to it. */
const THEMES: Record<Theme, { icon: typeof Light; label: () => string; next: Theme }> = {
  system: { icon: Laptop, label: words.system, next: 'white' },
  white: { icon: Light, label: words.light, next: 'g100' },
  g100: { icon: Asleep, label: words.dark, next: 'system' },
};

/** The button of a header that switches to the next theme. */
export function themeButton(theme: ThemeChoice) {
  const { label, icon: image, run } = themeItem(theme);
  return html`<button class="header-action" type="button" aria-label=${label} @click=${run}>
    ${icon(image)}
  </button>`;
}

/** The menu item that switches to the next theme. */
export function themeItem(theme: ThemeChoice) {
  const { next } = THEMES[theme.value];
  const { icon: image, label } = THEMES[next];
  return { label: label(), icon: image, run: () => theme.choose(next) };
}
