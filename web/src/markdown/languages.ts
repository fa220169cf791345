import type { LanguageFn } from 'highlight.js';
import highlighter from 'highlight.js/lib/core';

/** Each is fetched when the first code in it is shown: together they would hold up the page. */
const FILES = import.meta.glob<LanguageFn>(
  [
    '/node_modules/highlight.js/es/languages/{bash,c,cpp,csharp,css,diff,go,graphql,ini,java}.js',
    '/node_modules/highlight.js/es/languages/{javascript,json,kotlin,less,lua,makefile,markdown}.js',
    '/node_modules/highlight.js/es/languages/{objectivec,perl,php,php-template,python,python-repl}.js',
    '/node_modules/highlight.js/es/languages/{r,ruby,rust,scss,shell,sql,swift,typescript,vbnet}.js',
    '/node_modules/highlight.js/es/languages/{wasm,xml,yaml}.js',
  ],
  { import: 'default' },
);

/** What else a language is called where code begins. */
const NAMES: Record<string, string> = {
  bash: 'sh zsh',
  c: 'h',
  cpp: 'c++ cc cxx h++ hh hpp hxx',
  csharp: 'cs c#',
  diff: 'patch',
  go: 'golang',
  graphql: 'gql',
  ini: 'toml',
  java: 'jsp',
  javascript: 'js jsx mjs cjs',
  json: 'jsonc json5',
  kotlin: 'kt kts',
  makefile: 'make mak mk',
  markdown: 'md',
  objectivec: 'objc obj-c objective-c mm',
  perl: 'pl pm',
  python: 'py ipython',
  'python-repl': 'pycon',
  ruby: 'rb',
  rust: 'rs',
  shell: 'console shellsession',
  typescript: 'ts tsx mts cts',
  vbnet: 'vb',
  xml: 'html xhtml svg rss atom plist xsd xsl',
  yaml: 'yml',
};

/** Languages that stand in the midst of others. */
const INSIDE: Record<string, readonly string[]> = {
  javascript: ['xml', 'css', 'graphql'],
  markdown: ['xml'],
  'php-template': ['xml', 'php'],
  'python-repl': ['python'],
  shell: ['bash'],
  typescript: ['xml', 'css', 'graphql'],
  xml: ['css', 'javascript'],
};

const OTHER_NAMES = new Map(
  Object.entries(NAMES).flatMap(([name, others]) => others.split(' ').map((each) => [each, name])),
);

/** The code with its syntax marked, as HTML; `null` for a language that is not known. */
export async function markSyntax(code: string, said: string): Promise<string | null> {
  const lower = said.toLowerCase();
  const language = OTHER_NAMES.get(lower) ?? lower;
  if (fileOf(language) === undefined) return null;
  await Promise.all([language, ...(INSIDE[language] ?? [])].map(learn));
  return highlighter.highlight(code, { language, ignoreIllegals: true }).value;
}

async function learn(language: string): Promise<void> {
  if (highlighter.getLanguage(language)) return;
  const definition = await fileOf(language)?.();
  if (definition) highlighter.registerLanguage(language, definition);
}

function fileOf(language: string) {
  return FILES[`/node_modules/highlight.js/es/languages/${language}.js`];
}
