import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { highlightSyntax } from './languages';
import { renderBlocks } from './render';
import { MarkdownStream, withoutUnfinishedMarkup } from './stream';

/** Lines that begin, continue and end every kind of block. No definitions of links and footnotes. */
const LINES = [
  'Some *text* and `code`.',
  'https://example.org',
  '',
  '- one',
  '  more of it',
  '1. first',
  '2019. year',
  '> quoted',
  '# Heading',
  '===',
  '---',
  '| a | b |',
  '| :- | -: |',
  '| $|x|$ | a<br>b |',
  '```js',
  '```',
  '   ```py',
  '   ```',
  '~~~~',
  '    indented',
  '\ttab',
  '***',
  '[text](https://example.org)',
  '**open',
  '$$ x^2',
  'y $$',
  '$$',
  '$$ z $$',
  'where $$',
  '\\[ a',
  '\\]',
  'so \\[',
  '+ b',
  '- c \\] and',
  '\\begin{align}',
  '\\end{align}',
  'costs $5, and $x$ \\(y\\)',
  '- [ ] open',
  '- [x] done',
  '<details>',
  '<details open><summary>More</summary>',
  '</details>',
  '> <details>',
  '> </details>',
  'H<sub>2</sub>O, <b>bold *and</b> more*',
  '<kbd>Ctrl',
  '</kbd> and <p>',
  '**「重要」**です',
];

const document = fc
  .array(fc.constantFrom(...LINES), { maxLength: 14 })
  .map((lines) => lines.join('\n'));

/** The blocks of a growing text. */
function blocksOf(stream: MarkdownStream, text: string) {
  const tail = stream.render(text);
  return [...stream.finished, ...tail];
}

describe('a growing text', () => {
  test('renders at every step as if it were complete', () => {
    fc.assert(
      fc.property(
        document,
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        (text, steps) => {
          const stream = new MarkdownStream();
          let end = 0;
          for (let step = 0; end < text.length; step += 1) {
            end += steps[step % steps.length] ?? 1;
            const soFar = text.slice(0, end);
            const whole = renderBlocks(withoutUnfinishedMarkup(soFar), { isGrowing: true });
            expect(blocksOf(stream, soFar)).toEqual(whole.blocks);
          }
        },
      ),
      { numRuns: 500 },
    );
  }, 60_000);

  test('keeps link definitions of finished blocks only', () => {
    const stream = new MarkdownStream();
    stream.render('[sea]: https://exa');
    stream.render('[sea]: https://example.org\n\nText.\n\n');

    const blocks = stream.render('[sea]: https://example.org\n\nText.\n\n[sea]');

    expect(blocks.at(-1)).toMatchObject({
      html: expect.stringContaining('href="https://example.org"'),
    });
  });

  test('links to the footnotes of finished blocks', () => {
    const stream = new MarkdownStream();
    stream.render('[^1]: A note.\n\nText.\n\n');

    const blocks = stream.render('[^1]: A note.\n\nText.\n\nAs noted.[^1]');

    expect(blocks.at(-1)).toMatchObject({
      html: expect.stringContaining('<webchat-footnote-reference>1<'),
    });
  });

  test('starts again if the text is another one', () => {
    const stream = new MarkdownStream();
    stream.render('One.\n\nTwo.\n\nThree.');

    expect(blocksOf(stream, 'Four.\n\nFive.')).toEqual(renderBlocks('Four.\n\nFive.').blocks);
  });

  test.each([
    ['Text\n-', 'Text\n'],
    ['Text\n=', 'Text\n'],
    ['Text\n\n1.', 'Text\n\n'],
    ['Text\n\n#', 'Text\n\n'],
    ['> Text\n> --', '> Text\n'],
    ['| a |\n| --', '| a |\n'],
    ['- [', ''],
    ['one<b', 'one'],
    ['one</su', 'one'],
    ['Text\n- one', 'Text\n- one'],
    ['Text\n---\n', 'Text\n---\n'],
    ['42', '42'],
    ['a < b', 'a < b'],
  ])('%j shows %j for the moment', (text, shown) => {
    expect(withoutUnfinishedMarkup(text)).toBe(shown);
  });
});

describe('syntax highlighting', () => {
  test.each([
    ['c++', 'return 1;', 'return'],
    ['HTML', '<script>let a = 1;</script>', 'let'],
    ['tsx', 'const a = <b c="1">text</b>;', 'const'],
    ['console', '$ if true; then ls; fi', 'if'],
  ])('supports %s', async (language, code, keyword) => {
    expect(await highlightSyntax(code, language)).toContain(
      `<span class="hljs-keyword">${keyword}</span>`,
    );
  });

  test('returns null for an unknown language', async () => {
    expect(await highlightSyntax('a', 'klingon')).toBeNull();
    expect(await highlightSyntax('a', '../core')).toBeNull();
  });
});
