import type { MarkdownIt, StateInline } from 'markdown-it';

/** The tags that models use to format text. All other tags are shown as text. */
const NAMES =
  'a abbr b cite code del div em i ins kbd li mark ol p q s samp small strong sub sup u ul var'.split(
    ' ',
  );
/** Tags that are ignored, because only their attributes have a meaning. Their content is shown. */
const IGNORED = new Set(['span', 'font', 'center']);

const VOID_TAG = /^<(br|wbr)\s*\/?>/i;
const TAG = new RegExp(
  String.raw`^<(/?)(${[...NAMES, ...IGNORED].join('|')})(\s[^<>]{0,500})?>`,
  'i',
);
const HREF = /\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i;

/** The names of the open tags of each text, with the nesting level inside of them. */
const openTags = new WeakMap<StateInline, { name: string; level: number }[]>();

/**
 * A plugin for harmless HTML tags within a paragraph, a heading or a cell. All attributes except the address of a
 * link are dropped. A tag without its counterpart in the same text is shown as text, so that it never affects other
 * blocks.
 */
export function htmlTags(markdown: MarkdownIt): void {
  markdown.inline.ruler.before('autolink', 'html_tag', htmlTag);
  // The delimiters of emphasis are matched afterwards.
  markdown.inline.ruler2.before('balance_pairs', 'html_tag', closeTags);
}

function htmlTag(state: StateInline, silent: boolean): boolean {
  if (state.src.charAt(state.pos) !== '<') return false;
  const text = state.src.slice(state.pos, Math.min(state.posMax, state.pos + 600));
  const [voidTag, voidName] = VOID_TAG.exec(text) ?? [];
  if (voidTag !== undefined && voidName !== undefined) {
    if (!silent) state.push('html_void', voidName.toLowerCase(), 0);
    state.pos += voidTag.length;
    return true;
  }
  const [tag, slash, name, attributes] = TAG.exec(text) ?? [];
  if (tag === undefined || name === undefined) return false;
  const isClosing = slash === '/';
  if (!isClosing && !isClosedLater(state, name)) return false;
  if (!silent) {
    if (!isClosing) open(state, name.toLowerCase(), attributes ?? '');
    else if (!close(state, name.toLowerCase())) state.pending += tag;
  }
  state.pos += tag.length;
  return true;
}

/** Whether the closing tag follows. The position of the last one is cached, because a text may have many tags. */
function isClosedLater(state: StateInline, name: string): boolean {
  const key = `last </${name.toLowerCase()}`;
  const cache = state.cache as Record<string, number>;
  cache[key] ??= state.src.toLowerCase().lastIndexOf(`</${name.toLowerCase()}>`);
  return cache[key] > state.pos;
}

function open(state: StateInline, name: string, attributes: string): void {
  if (IGNORED.has(name)) return;
  const token = state.push(name === 'a' ? 'link_open' : 'html_open', name, 1);
  if (name === 'a') {
    const [, double, single, bare] = HREF.exec(attributes) ?? [];
    const href = state.md.normalizeLink(double ?? single ?? bare ?? '');
    if (state.md.validateLink(href)) token.attrSet('href', href);
  }
  const tags = openTags.get(state) ?? [];
  tags.push({ name, level: state.level });
  openTags.set(state, tags);
}

/** Closes the innermost tag. Returns whether it has this name. */
function close(state: StateInline, name: string): boolean {
  if (IGNORED.has(name)) return true;
  const tags = openTags.get(state) ?? [];
  const last = tags.at(-1);
  if (last?.name !== name || last.level !== state.level) return false;
  tags.pop();
  state.push(name === 'a' ? 'link_close' : 'html_close', name, -1);
  return true;
}

/** Closes the tags whose closing tag was in the wrong place. */
function closeTags(state: StateInline): void {
  for (const { name } of openTags.get(state)?.toReversed() ?? []) {
    state.push(name === 'a' ? 'link_close' : 'html_close', name, -1);
  }
  openTags.delete(state);
}
