import { describe, expect, test } from 'vitest';

import { renderBlocks, type RenderOptions } from '../render';

function htmlOf(text: string, options: RenderOptions = {}): string {
  const { blocks } = renderBlocks(text, options);
  const html = blocks.map((block) => (block.kind === 'html' ? block.html : '[code]')).join('');
  return html.trim().replace(/>\n(?=<)/g, '>');
}

const math = (tex: string) => `<webchat-math>${tex}</webchat-math>`;
const display = (tex: string) => `<webchat-display-math>${tex}</webchat-display-math>`;

describe('formulas', () => {
  test.each([
    [
      'Then\n\\[\nx = a\n+ b\n- c\n\\]\nends',
      `<p>Then</p>${display('x = a\n+ b\n- c')}<p>ends</p>`,
    ],
    ['Then\n$$\nE\n=\nmc^2\n$$', `<p>Then</p>${display('E\n=\nmc^2')}`],
    ['Then: \\[\nx = a\n+ b\n\\] where', `<p>Then: ${display('x = a\n+ b')} where</p>`],
    ['1. A:\n   $$\n   y\n   $$', `<ol><li>A:${display('y')}</li></ol>`],
    ['- A: \\[\n  E\n  = 2 \\]', `<ul><li>A: ${display('E\n= 2')}</li></ul>`],
    ['\\begin{align}\na &= 1\n\\end{align}', display('\\begin{align}\na &amp;= 1\n\\end{align}')],
    ['the $n$th of $k$-means', `<p>the ${math('n')}th of ${math('k')}-means</p>`],
    ['函数$f(x)$的值', `<p>函数${math('f(x)')}的值</p>`],
    ['$5x + 3$ and $2 \\text{ kg}$', `<p>${math('5x + 3')} and ${math('2 \\text{ kg}')}</p>`],
  ])('%j', (text, html) => {
    expect(htmlOf(text)).toBe(html);
  });

  test.each([
    '$5 and $10',
    'From $5 to 10$, or US$5 and NZ$6',
    'between $6,000 (US$) and more',
    '$HOME/bin:$PATH and $USER',
    '**$5** or **$10**',
    '5$ and 6$',
    '\\$5 and \\$6',
    '`$$` is $$ in the shell\n\n- one',
  ])('%j has none', (text) => {
    expect(htmlOf(text)).not.toContain('webchat-');
  });

  test('a bar in a formula does not divide a cell', () => {
    expect(htmlOf('| a | b |\n|---|---|\n| $|x|$ | `c` |')).toContain(
      `<td>${math('|x|')}</td><td><code>c</code></td>`,
    );
  });
});

describe('emphasis', () => {
  test.each([
    ['**「重要」**です', '<strong>「重要」</strong>です'],
    ['**苹果（Apple）**公司', '<strong>苹果（Apple）</strong>公司'],
    [
      '**价格：**5元，以及**“核心”**部分',
      '<strong>价格：</strong>5元，以及<strong>“核心”</strong>部分',
    ],
    ['2 ** 8 ** 2', '2 ** 8 ** 2'],
  ])('%j', (text, html) => {
    expect(htmlOf(text)).toBe(`<p>${html}</p>`);
  });
});

describe('HTML', () => {
  test.each([
    ['H<sub>2</sub>O<br>x<br/>y', 'H<sub>2</sub>O<br>x<br>y'],
    ['<KBD class="x" onclick=a()>Ctrl</KBD>', '<kbd>Ctrl</kbd>'],
    ['<b>a *b* c</b>', '<b>a <em>b</em> c</b>'],
    ['<span style="color:red">red</span>', 'red'],
    [
      '<a href="https://example.org" onclick="x()">here</a>',
      '<a href="https://example.org">here</a>',
    ],
    ['<a href="javascript:x()">here</a>', '<a>here</a>'],
    ['<b><i>x</b></i>', '<b><i>x&lt;/b&gt;</i></b>'],
    ['*a <b>b* c</b>', '*a <b>b* c</b>'],
  ])('formats %j', (text, html) => {
    expect(htmlOf(text)).toBe(`<p>${html}</p>`);
  });

  test.each(['<kbd>Ctrl', 'Vec<i>', 'a</b>', '<script>x</script>', '<img src=x>', '<!-- a -->'])(
    'shows %j as text',
    (text) => {
      expect(htmlOf(text)).not.toMatch(/<(?!\/?p>)/);
    },
  );

  test('of the user is shown as text', () => {
    expect(htmlOf('<b>x</b>', { isQuestion: true })).toBe('<p>&lt;b&gt;x&lt;/b&gt;</p>');
  });

  test('in one block does not affect the next one', () => {
    expect(renderBlocks('<b>one\n\ntwo</b>').blocks).toHaveLength(2);
    expect(htmlOf('<b>one\n\ntwo')).toBe('<p>&lt;b&gt;one</p><p>two</p>');
  });
});

describe('a section', () => {
  test('contains Markdown', () => {
    expect(htmlOf('<details>\n<summary>**S**</summary>\n\n- a\n\n</details>\n\nAfter')).toBe(
      '<details><summary><strong>S</strong></summary><ul><li>a</li></ul></details><p>After</p>',
    );
  });

  test('may be nested', () => {
    const text = '<details>\na\n<details>\nb\n</details>\nc\n</details>\nd';

    expect(htmlOf(text)).toBe(
      '<details><p>a</p><details><p>b</p></details><p>c</p></details><p>d</p>',
    );
  });

  test('that is not closed yet is expanded', () => {
    expect(htmlOf('<details>\n\ntext', { isGrowing: true })).toContain('<details open="">');
  });

  test('that is never closed does not hide the text', () => {
    expect(htmlOf('<details>\n\ntext')).toBe('<p>&lt;details&gt;</p><p>text</p>');
  });
});

describe('footnotes', () => {
  test('are linked from their references', () => {
    expect(htmlOf('Sea.[^1]\n\n[^1]: Salt\nwater.\n\n    More.\n\nEnd')).toBe(
      '<p>Sea.<webchat-footnote-reference>1</webchat-footnote-reference></p>' +
        '<webchat-footnote title="1"><p>Salt\nwater.</p><p>More.</p></webchat-footnote><p>End</p>',
    );
  });

  test('without definition are text', () => {
    expect(htmlOf('the class [^a-z]')).toBe('<p>the class [^a-z]</p>');
  });
});

test('tasks have check boxes', () => {
  expect(htmlOf('- [x] done\n- [ ] open\n- [link]\n')).toBe(
    '<ul><li><webchat-task>x</webchat-task>done</li><li><webchat-task></webchat-task>open</li>' +
      '<li>[link]</li></ul>',
  );
});

test('nested code knows its language', () => {
  expect(htmlOf('- a\n  ```js\n  1 < 2\n  ```')).toContain(
    '<pre data-language="js"><code>1 &lt; 2\n</code></pre>',
  );
});

test('a question keeps its line breaks', () => {
  expect(htmlOf('one\ntwo\n---', { isQuestion: true })).toBe('<p>one<br>\ntwo</p><hr>');
});

test('an image is a link', () => {
  expect(htmlOf('![a "cat"](https://e.example/c.png)')).toBe(
    '<p><a href="https://e.example/c.png">a &quot;cat&quot;</a></p>',
  );
});

test('file names are no links', () => {
  expect(htmlOf('main.py, README.md and node.js')).toBe('<p>main.py, README.md and node.js</p>');
});
