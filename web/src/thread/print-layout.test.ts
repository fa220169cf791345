import { expect, test } from 'vitest';

import { preparePrint, showsAddress } from './print-layout';

function messages(html: string): HTMLElement {
  const element = document.createElement('div');
  element.innerHTML = html;
  return element;
}

function link(html: string): HTMLAnchorElement {
  return messages(html).querySelector('a') as HTMLAnchorElement;
}

test('a link whose text is its address does not repeat it', () => {
  expect(showsAddress(link('<a href="https://example.org/a">https://example.org/a</a>'))).toBe(
    true,
  );
  expect(showsAddress(link('<a href="http://example.org/">example.org</a>'))).toBe(true);
  expect(showsAddress(link('<a href="mailto:a@example.org">a@example.org</a>'))).toBe(true);
  expect(showsAddress(link('<a href="https://example.org/a">the page</a>'))).toBe(false);
  expect(showsAddress(link('<a href="https://example.org/b">example.org/a</a>'))).toBe(false);
});

test('what is folded is open on paper, and folded again afterwards', () => {
  const element = messages('<details><summary>a</summary>b</details><details open>c</details>');
  const isOpen = () => [...element.querySelectorAll('details')].map(({ open }) => open);

  const restore = preparePrint(element);
  expect(isOpen()).toEqual([true, true]);

  restore();
  expect(isOpen()).toEqual([false, true]);
});
