import { parseSync } from 'vite';

/** A node of a syntax tree in the ESTree format. */
interface Node {
  type: string;
  [field: string]: unknown;
}

interface Template {
  quasis: { value: { cooked: string } }[];
  expressions: Node[];
}

/** Stands in a template for each of its expressions. */
const PLACEHOLDER = '{}';

const VISIBLE_ATTRIBUTES = [
  'aria-label',
  'aria-description',
  'title',
  'placeholder',
  'alt',
  'label',
];

/** A capitalised word, a sentence, or words around an expression. */
const READABLE = [/^["“‘(]?\p{Lu}\p{Ll}/u, /\p{L} .*\p{L}[.?!…]$/u, /\{\} \p{L}{2,} \{\}/u];

/** Fields of syntax nodes whose texts are compared, or name something. */
const UNSHOWN_FIELDS = new Set(['SwitchCase.test', 'Property.key', 'PropertyDefinition.key']);

/** Returns the texts in a TypeScript source that the page shows or announces. */
export function visibleTexts(source: string): string[] {
  return textsIn(parseSync('source.ts', source).program).map((text) =>
    text.replaceAll(PLACEHOLDER, '').trim(),
  );
}

function textsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (!isNode(value)) return [];
  switch (value.type) {
    case 'Literal':
      return [value['value']].filter(isReadable);
    case 'TemplateLiteral': {
      const { quasis, expressions } = value as unknown as Template;
      return [[joined(quasis)].filter(isReadable), textsIn(expressions)].flat();
    }
    case 'TaggedTemplateExpression': {
      const { quasis, expressions } = value['quasi'] as Template;
      return [...markupTexts(joined(quasis)), ...textsIn(expressions)];
    }
    default:
      return shownParts(value).flatMap(textsIn);
  }
}

/** Returns the parts of a node, without types, module paths, compared values, names, and errors for developers. */
function shownParts(node: Node): unknown[] {
  if (node.type.startsWith('TS')) return [node['expression']];
  if (node.type.startsWith('Import')) return [];
  if (node.type === 'NewExpression' && nameOf(node['callee']) === 'Error') return [];
  const isCompared = node.type === 'BinaryExpression' && node['operator'] !== '+';
  return Object.entries(node)
    .filter(([field]) => !UNSHOWN_FIELDS.has(`${node.type}.${field}`))
    .map(([, part]) => part)
    .filter((part) => !(isCompared && isNode(part) && part.type === 'Literal'));
}

/** Returns the texts of elements and attributes. */
function markupTexts(markup: string): string[] {
  const template = document.createElement('template');
  // happy-dom looks up the list of an input, which must have a valid id.
  template.innerHTML = markup.replaceAll(`list=${PLACEHOLDER}`, 'list="x"');
  const texts: string[] = [];
  const walker = document.createTreeWalker(
    template.content,
    NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT,
  );
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node instanceof Element) {
      texts.push(...VISIBLE_ATTRIBUTES.map((name) => (node as Element).getAttribute(name) ?? ''));
    } else texts.push(node.textContent ?? '');
  }
  return texts.filter((text) => /\p{L}{2}/u.test(text));
}

function joined(quasis: Template['quasis']): string {
  return quasis.map(({ value }) => value.cooked).join(PLACEHOLDER);
}

function isReadable(text: unknown): text is string {
  return typeof text === 'string' && READABLE.some((pattern) => pattern.test(text));
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

function nameOf(value: unknown): unknown {
  return isNode(value) ? value['name'] : undefined;
}
