import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { markSyntax } from './languages';
import { renderBlocks } from './render';
import { MarkdownStream } from './stream';

/** Lines that begin, continue and end blocks of all kinds; no definitions of links. */
const LINES = [
  'Some *text* and `code`.',
  'https://example.org',
  '',
  '- one',
  '  more of it',
  '1. first',
  '> quoted',
  '# Heading',
  '===',
  '---',
  '| a | b |',
  '| :- | -: |',
  '```js',
  '```',
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
  '\\[ a',
  '\\]',
  'costs $5, and $x$ \\(y\\)',
];

const document = fc
  .array(fc.constantFrom(...LINES), { maxLength: 14 })
  .map((lines) => lines.join('\n'));

describe('a text that grows', () => {
  test('is shown at each moment as if it had come at once', () => {
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
            expect(stream.render(soFar)).toEqual(renderBlocks(soFar).blocks);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('keeps the links that finished blocks define, and none that may still change', () => {
    const stream = new MarkdownStream();
    stream.render('[sea]: https://exa');
    stream.render('[sea]: https://example.org\n\nText.\n\n');

    const blocks = stream.render('[sea]: https://example.org\n\nText.\n\n[sea]');

    expect(blocks.at(-1)).toMatchObject({
      html: expect.stringContaining('href="https://example.org"'),
    });
  });
});

// What the sanitiser does is tried in a real browser, in tests/e2e: it needs a real parser.
describe('what a model writes', () => {
  test('HTML in markdown is text', () => {
    const { blocks } = renderBlocks('<b>bold</b>');

    expect(blocks).toEqual([{ kind: 'html', html: '<p>&lt;b&gt;bold&lt;/b&gt;</p>\n' }]);
  });

  test('an image is a link', () => {
    const { blocks } = renderBlocks('![a "cat"](https://e.example/c.png)');

    expect(blocks).toEqual([
      { kind: 'html', html: '<p><a href="https://e.example/c.png">a &quot;cat&quot;</a></p>\n' },
    ]);
  });
});

describe('the syntax of code is marked', () => {
  test.each([
    ['c++', 'return 1;', 'return'],
    ['HTML', '<script>let a = 1;</script>', 'let'],
    ['tsx', 'const a = <b c="1">text</b>;', 'const'],
    ['console', '$ if true; then ls; fi', 'if'],
  ])('as %s', async (language, code, keyword) => {
    expect(await markSyntax(code, language)).toContain(
      `<span class="hljs-keyword">${keyword}</span>`,
    );
  });

  test('but not of a language that nobody knows', async () => {
    expect(await markSyntax('a', 'klingon')).toBeNull();
    expect(await markSyntax('a', '../core')).toBeNull();
  });
});
