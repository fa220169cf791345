/** Changes the nodes of an element, but not its text, and keeps the selection in it. */
export function keepSelection(element: Element, change: () => void): void {
  const selection = getSelection();
  const anchor = selection && offsetIn(element, selection.anchorNode, selection.anchorOffset);
  const focus = selection && offsetIn(element, selection.focusNode, selection.focusOffset);
  const { anchorNode, anchorOffset, focusNode, focusOffset } = selection ?? {};
  change();
  if (!selection || !anchorNode || !focusNode || (anchor === null && focus === null)) return;
  const [startNode, start] = anchor === null ? [anchorNode, anchorOffset] : at(element, anchor);
  const [endNode, end] = focus === null ? [focusNode, focusOffset] : at(element, focus);
  selection.setBaseAndExtent(startNode, start ?? 0, endNode, end ?? 0);
}

/** The number of characters in the element before this position. `null` if it is outside. */
function offsetIn(element: Element, node: Node | null, offset: number): number | null {
  if (!node || !element.contains(node)) return null;
  const range = document.createRange();
  range.setStart(element, 0);
  range.setEnd(node, offset);
  return range.toString().length;
}

/** The position after this number of characters. */
function at(element: Element, offset: number): [Node, number] {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let rest = offset;
  while (walker.nextNode()) {
    const { length } = walker.currentNode as Text;
    if (rest <= length) return [walker.currentNode, rest];
    rest -= length;
  }
  return [element, element.childNodes.length];
}
