import type { LanguageFn } from 'highlight.js';
import highlighter from 'highlight.js/lib/core';

/** The loader of each language. A language is loaded when it is first needed, to keep the page small. */
const LOADERS = import.meta.glob<LanguageFn>(
  [
    '/node_modules/highlight.js/es/languages/{bash,c,cpp,csharp,css,diff,go,graphql,ini,java}.js',
    '/node_modules/highlight.js/es/languages/{javascript,json,kotlin,less,lua,makefile,markdown}.js',
    '/node_modules/highlight.js/es/languages/{objectivec,perl,php,php-template,python,python-repl}.js',
    '/node_modules/highlight.js/es/languages/{r,ruby,rust,scss,shell,sql,swift,typescript,vbnet}.js',
    '/node_modules/highlight.js/es/languages/{wasm,xml,yaml}.js',
  ],
  { import: 'default' },
);

/** The aliases of each language, as used in the info string of a code block. */
const ALIASES: Record<string, string> = {
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

/** The languages that can be embedded in each language. */
const EMBEDDED: Record<string, readonly string[]> = {
  javascript: ['xml', 'css', 'graphql'],
  markdown: ['xml'],
  'php-template': ['xml', 'php'],
  'python-repl': ['python'],
  shell: ['bash'],
  typescript: ['xml', 'css', 'graphql'],
  xml: ['css', 'javascript'],
};

const LANGUAGE_BY_ALIAS = new Map(
  Object.entries(ALIASES).flatMap(([name, aliases]) =>
    aliases.split(' ').map((alias) => [alias, name]),
  ),
);

/** Highlights code as HTML. Returns `null` for an unknown language. */
export async function highlightSyntax(code: string, name: string): Promise<string | null> {
  const lowerCase = name.toLowerCase();
  const language = LANGUAGE_BY_ALIAS.get(lowerCase) ?? lowerCase;
  if (loaderOf(language) === undefined) return null;
  await Promise.all([language, ...(EMBEDDED[language] ?? [])].map(register));
  return highlighter.highlight(code, { language, ignoreIllegals: true }).value;
}

async function register(language: string): Promise<void> {
  if (highlighter.getLanguage(language)) return;
  const definition = await loaderOf(language)?.();
  if (definition) highlighter.registerLanguage(language, definition);
}

function loaderOf(language: string) {
  return LOADERS[`/node_modules/highlight.js/es/languages/${language}.js`];
}
