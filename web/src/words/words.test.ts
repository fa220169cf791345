import { expect, test } from 'vitest';

import { visibleTexts } from './testing';

const SOURCES = import.meta.glob<string>(
  ['../**/*.ts', '!../words/**', '!../**/*.test.ts', '!../**/testing.ts', '!../api/generated.ts'],
  { query: '?raw', import: 'default', eager: true },
);

const KEYS = ['Alt', 'Ctrl', 'Delete', 'Enter', 'Esc', 'Shift'];

/** The same in every language: names, keys of the keyboard, and strings that the server or the platform defines. */
const UNTRANSLATED: Record<string, readonly string[]> = {
  '../account/device.ts': [
    'Edge',
    'Opera',
    'Firefox',
    'Chrome',
    'Safari',
    'Android',
    'Windows',
    'ChromeOS',
    'Linux',
  ],
  '../api/file-api.ts': ['Idempotency-Key'],
  '../api/http.ts': ['ApiError', 'Retry-After'],
  '../composer/composer.ts': KEYS,
  '../composer/file-drop.ts': ['Files'],
  '../docs/api/request.ts': ['Accept'],
  '../message/content/file-names.ts': ['Dockerfile', 'Makefile'],
  '../shell/header.ts': KEYS,
  '../shell/shortcut-list.ts': KEYS,
  '../sidebar/sidebar.ts': KEYS,
  '../state/composer/analysed-files.ts': ['Please analyse the file "".'],
  '../state/page/tab.ts': ['Webchat', '– Webchat'],
};

test('every visible text is in the catalogue', () => {
  const missing = Object.entries(SOURCES).flatMap(([path, source]) =>
    visibleTexts(source)
      .filter((text) => !UNTRANSLATED[path]?.includes(text))
      .map((text) => `${path}: ${text}`),
  );

  expect(missing).toEqual([]);
});

test.each([
  ['the text of an element', 'html`<p>no results</p>`'],
  ['an attribute', 'html`<button aria-label="stop"></button>`'],
  ['a word in an expression', 'html`<p>${isOn ? "Stop" : label}</p>`'],
  ['a word in an argument', 'toasts.show("Stopped")'],
  ['a sentence around an expression', 'const text = `the chat ${title} was deleted.`'],
  ['words between expressions', 'const text = `${done} of ${total}`'],
  ['an added sentence', 'const text = name + " Try again."'],
])('%s is visible', (_kind, source) => {
  expect(visibleTexts(source)).toHaveLength(1);
});
