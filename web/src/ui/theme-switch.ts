import { html } from 'lit';
import Asleep from '@carbon/icons/es/asleep/20.js';
import Laptop from '@carbon/icons/es/laptop/20.js';
import Light from '@carbon/icons/es/light/20.js';

import type { Theme, ThemeChoice } from '../state/page/theme';
import { themeWords as words } from '../words/ui';
import { icon } from './icon';
import type { MenuItem } from './overlays/popup-menu';

const THEMES: Record<Theme, { icon: typeof Light; name: () => string; next: Theme }> = {
  system: { icon: Laptop, name: words.system, next: 'white' },
  white: { icon: Light, name: words.light, next: 'g100' },
  g100: { icon: Asleep, name: words.dark, next: 'system' },
};

/** The button of a header that shows the theme, and switches to the next one. */
export function themeButton(theme: ThemeChoice) {
  const { icon: image, name, next } = THEMES[theme.value];
  const text = words.theme(name());
  return html`<button
    class="header-action"
    type="button"
    aria-label=${words.switch()}
    aria-description=${text}
    data-tooltip=${text}
    @click=${() => theme.choose(next)}
  >
    ${icon(image)}
  </button>`;
}

/** The menu item that names the next theme, and switches to it. */
export function themeItem(theme: ThemeChoice): MenuItem {
  const { next } = THEMES[theme.value];
  const { icon: image, name } = THEMES[next];
  return { label: words.theme(name()), icon: image, run: () => theme.choose(next) };
}
