import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { highlightSyntax } from './languages';
import { renderBlocks } from './render';
import { MarkdownStream } from './stream';

/** Lines that begin, continue and end every kind of block. No link definitions. */
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
            expect(stream.render(soFar)).toEqual(renderBlocks(soFar).blocks);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('keeps link definitions of finished blocks only', () => {
    const stream = new MarkdownStream();
    stream.render('[sea]: https://exa');
    stream.render('[sea]: https://example.org\n\nText.\n\n');

    const blocks = stream.render('[sea]: https://example.org\n\nText.\n\n[sea]');

    expect(blocks.at(-1)).toMatchObject({
      html: expect.stringContaining('href="https://example.org"'),
    });
  });
});

// tests/e2e covers the sanitiser, which needs a real parser.
describe('model output', () => {
  test('shows HTML as text', () => {
    const { blocks } = renderBlocks('<b>bold</b>');

    expect(blocks).toEqual([{ kind: 'html', html: '<p>&lt;b&gt;bold&lt;/b&gt;</p>\n' }]);
  });

  test('shows an image as a link', () => {
    const { blocks } = renderBlocks('![a "cat"](https://e.example/c.png)');

    expect(blocks).toEqual([
      { kind: 'html', html: '<p><a href="https://e.example/c.png">a &quot;cat&quot;</a></p>\n' },
    ]);
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
