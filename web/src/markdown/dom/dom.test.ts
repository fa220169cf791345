import { describe, expect, test } from 'vitest';

import { setDirections } from './direction';
import { patchChildren, setSource } from './patch';

function element(html: string): HTMLElement {
  const container = document.createElement('div');
  container.innerHTML = html;
  return container;
}

describe('a patch', () => {
  test.each([
    ['<p>one</p>', '<p>one two</p><p>three</p>'],
    ['<p>one **two</p>', '<p>one <strong>two</strong></p>'],
    ['<ul><li>one</li></ul>', '<ul><li>one</li><li>two</li></ul>'],
    ['<p dir="ltr">a</p><p>b</p>', '<p dir="rtl">a</p>'],
    ['<p>| a |</p>', '<table><tbody><tr><td>a</td></tr></tbody></table>'],
    ['<a href="https://a.example">a</a>', '<a>a</a>'],
  ])('makes %j to %j', (old, fresh) => {
    const container = element(old);

    patchChildren(container, element(fresh));

    expect(container.innerHTML).toBe(fresh);
  });

  test('keeps the nodes that continue', () => {
    const container = element('<ul><li>one</li></ul>');
    const text = container.querySelector('li')?.firstChild;

    patchChildren(container, element('<ul><li>one and more</li><li>two</li></ul>'));

    expect(container.querySelector('li')?.firstChild).toBe(text);
    expect(text?.textContent).toBe('one and more');
  });

  test('keeps highlighted code and typeset formulas', () => {
    const html = '<code><span>let</span> a</code><webchat-math><b>x</b></webchat-math>';
    const container = element(html);
    setSource(container.querySelector('webchat-math') as Element, 'x^2');

    patchChildren(container, element('<code>let a</code><webchat-math>x^2</webchat-math>'));

    expect(container.innerHTML).toBe(html);
  });

  test('replaces a formula whose source has changed', () => {
    const container = element('<webchat-math><b>x</b></webchat-math>');
    setSource(container.querySelector('webchat-math') as Element, 'x^2');

    patchChildren(container, element('<webchat-math>x^3</webchat-math>'));

    expect(container.innerHTML).toBe('<webchat-math>x^3</webchat-math>');
  });

  test('keeps what the reader has changed', () => {
    const container = element(
      '<details open=""><p>a</p></details><button class="copied">b</button>',
    );

    patchChildren(container, element('<details><p>a b</p></details><button>b</button>'));

    expect(container.innerHTML).toBe(
      '<details open=""><p>a b</p></details><button class="copied">b</button>',
    );
  });
});

describe('the direction', () => {
  test.each([
    ['of text without right-to-left letters is that of the page', '<p>one</p>', '<p>one</p>'],
    [
      'of a list is that of its items',
      '<ol><li>أولا</li></ol>',
      '<ol dir="rtl"><li>أولا</li></ol>',
    ],
    [
      'of a sentence that begins with a foreign name',
      '<p>Redis هو مخزن بيانات</p>',
      '<p dir="rtl">Redis هو مخزن بيانات</p>',
    ],
    [
      'of an English paragraph between others',
      '<p>أولا</p><p>one</p>',
      '<p dir="rtl">أولا</p><p dir="ltr">one</p>',
    ],
    [
      'does not depend on code',
      '<p><code>const a = 1</code> أولا</p>',
      '<p dir="rtl"><code>const a = 1</code> أولا</p>',
    ],
    [
      'of numbers is that of their table',
      '<table><tbody><tr><td>سارة</td><td>30</td></tr></tbody></table>',
      '<table dir="rtl"><tbody><tr><td dir="rtl">سارة</td><td>30</td></tr></tbody></table>',
    ],
  ])('%s', (_, html, expected) => {
    const container = element(html);

    setDirections(container);

    expect(container.innerHTML).toBe(expected);
  });
});
