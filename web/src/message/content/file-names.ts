/** The file extension of each language, by its names in code blocks. Other languages are saved as they are called. */
const EXTENSIONS: Record<string, string> = {
  'c#': 'cs',
  'c++': 'cpp',
  bash: 'sh',
  console: 'txt',
  csharp: 'cs',
  elixir: 'ex',
  erlang: 'erl',
  fortran: 'f90',
  golang: 'go',
  haskell: 'hs',
  javascript: 'js',
  jsonc: 'json',
  julia: 'jl',
  kotlin: 'kt',
  latex: 'tex',
  markdown: 'md',
  matlab: 'm',
  mermaid: 'mmd',
  'objective-c': 'm',
  objectivec: 'm',
  ocaml: 'ml',
  perl: 'pl',
  plaintext: 'txt',
  powershell: 'ps1',
  python: 'py',
  ruby: 'rb',
  rust: 'rs',
  shell: 'sh',
  text: 'txt',
  typescript: 'ts',
  vbnet: 'vb',
  yaml: 'yml',
  zsh: 'sh',
};

/** The names of files that have no extension. */
const NAMES: Record<string, string> = {
  dockerfile: 'Dockerfile',
  make: 'Makefile',
  makefile: 'Makefile',
};

/** The name of the file in which code in this language is saved. */
export function fileNameOf(language: string): string {
  const name = language.toLowerCase();
  if (Object.hasOwn(NAMES, name)) return NAMES[name] ?? '';
  const extension = Object.hasOwn(EXTENSIONS, name) ? EXTENSIONS[name] : name;
  return `code.${/^[a-z0-9]{1,10}$/.test(extension ?? '') ? extension : 'txt'}`;
}
