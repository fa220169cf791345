/** The attributes that may change while a text grows. The others are constant, or changed by the reader. */
const ATTRIBUTES = 'href title align start dir data-digits data-language data-cell'.split(' ');

/** The sources of elements whose content has been replaced, such as formulas. */
const sources = new WeakMap<Element, string>();

/** Marks an element whose content is derived from `source`. It is kept until its source changes. */
export function setSource(element: Element, source: string): void {
  sources.set(element, source);
}

export function hasSource(element: Element): boolean {
  return sources.has(element);
}

/**
 * Makes the children of `parent` equal to those of `source`, which loses them. Existing nodes are kept where possible,
 * so that the selection, the focus and the scroll positions in a growing text persist.
 */
export function patchChildren(parent: Node, source: Node): void {
  let existing = parent.firstChild;
  let node = source.firstChild;
  while (node) {
    const nextNode: ChildNode | null = node.nextSibling;
    const following: ChildNode | null = existing?.nextSibling ?? null;
    if (existing === null) parent.appendChild(node);
    else if (!patchNode(existing, node)) existing.replaceWith(node);
    existing = following;
    node = nextNode;
  }
  while (existing) {
    const following: ChildNode | null = existing.nextSibling;
    existing.remove();
    existing = following;
  }
}

/** Changes only the part of the text that differs. */
export function patchText(node: Text, text: string): void {
  const { data } = node;
  if (data === text) return;
  if (text.startsWith(data)) {
    node.appendData(text.slice(data.length));
    return;
  }
  const limit = Math.min(data.length, text.length);
  let same = 0;
  while (same < limit && data.charCodeAt(same) === text.charCodeAt(same)) same += 1;
  node.replaceData(same, data.length - same, text.slice(same));
}

/** Makes the node equal to `fresh`. Returns `false` if it has to be replaced. */
function patchNode(node: Node, fresh: Node): boolean {
  if (node instanceof Text && fresh instanceof Text) {
    patchText(node, fresh.data);
    return true;
  }
  if (!(node instanceof Element) || !(fresh instanceof Element)) return false;
  if (node.localName !== fresh.localName) return false;
  const source = sources.get(node);
  if (source !== undefined) return source === fresh.textContent;
  if (node.localName === 'button') return node.textContent === fresh.textContent;
  // Highlighted code has the same text as plain code.
  if (node.localName === 'code' && node.textContent === fresh.textContent) return true;
  if (node instanceof HTMLInputElement) return node.isEqualNode(fresh);
  patchAttributes(node, fresh);
  patchChildren(node, fresh);
  return true;
}

function patchAttributes(element: Element, fresh: Element): void {
  for (const name of ATTRIBUTES) {
    const value = fresh.getAttribute(name);
    if (value === element.getAttribute(name)) continue;
    if (value === null) element.removeAttribute(name);
    else element.setAttribute(name, value);
  }
}
