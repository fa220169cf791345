import { FOOTNOTE_REFERENCE_TAG, FOOTNOTE_TAG } from '../../markdown/syntax/footnotes';
import { LANGUAGE_ATTRIBUTE } from '../../markdown/render';
import { TASK_TAG } from '../../markdown/syntax/task-lists';
import { contentWords } from '../../words/content';
import { createCodeBlock } from './code-block';

/** The length of a cell that fits on one line. */
const MAX_SHORT_CELL = 24;

/** Adds what HTML alone does not have: frames around code and tables, check boxes and the links of footnotes. */
export function decorate(fragment: ParentNode): void {
  for (const pre of fragment.querySelectorAll('pre')) {
    const language = pre.getAttribute(LANGUAGE_ATTRIBUTE) ?? '';
    pre.replaceWith(createCodeBlock(language, pre.textContent ?? ''));
  }
  for (const table of fragment.querySelectorAll('table')) makeScrollable(table);
  for (const task of fragment.querySelectorAll(TASK_TAG)) task.replaceWith(checkbox(task));
  for (const reference of fragment.querySelectorAll(FOOTNOTE_REFERENCE_TAG)) {
    reference.replaceWith(footnoteReference(reference.textContent ?? ''));
  }
  for (const footnote of fragment.querySelectorAll<HTMLElement>(FOOTNOTE_TAG)) {
    completeFootnote(footnote);
  }
}

/** Jumps between a footnote and the first reference to it, within one message. No ids, which a model could choose. */
export function handleFootnoteClick({ target, currentTarget }: Event): void {
  if (!(target instanceof Element) || !(currentTarget instanceof Element)) return;
  const button = target.closest<HTMLElement>('[data-footnote]');
  if (!button) return;
  const label = CSS.escape(button.dataset['footnote'] ?? '');
  const isReference = button.closest('sup.footnote-reference') !== null;
  const destination = isReference
    ? currentTarget.querySelector<HTMLElement>(`${FOOTNOTE_TAG}[title="${label}"]`)
    : currentTarget.querySelector<HTMLElement>(`.footnote-reference [data-footnote="${label}"]`);
  destination?.focus({ preventScroll: true });
  destination?.scrollIntoView({ block: 'nearest' });
}

function makeScrollable(table: HTMLTableElement): void {
  const scroller = document.createElement('div');
  scroller.className = 'table-scroll';
  scroller.tabIndex = 0;
  scroller.setAttribute('role', 'group');
  scroller.setAttribute('aria-label', contentWords.table());
  // A table from right to left begins at the right edge.
  if (table.dir !== '') scroller.dir = table.dir;
  table.replaceWith(scroller);
  scroller.append(table);
  for (const cell of table.querySelectorAll('th, td')) {
    const kind = kindOfCell(cell.textContent ?? '');
    if (kind !== null) cell.setAttribute('data-cell', kind);
  }
}

/** Short texts with numbers are not broken, and long texts get some width, so that the table scrolls instead. */
function kindOfCell(text: string): 'number' | 'long' | null {
  if (text.length > MAX_SHORT_CELL) return 'long';
  return /\d/.test(text) ? 'number' : null;
}

function checkbox({ textContent }: Element): HTMLInputElement {
  const input = document.createElement('input');
  input.type = 'checkbox';
  input.disabled = true;
  const isDone = textContent === 'x';
  input.toggleAttribute('checked', isDone);
  input.setAttribute('aria-label', isDone ? contentWords.taskDone() : contentWords.taskOpen());
  return input;
}

function footnoteReference(label: string): HTMLElement {
  const reference = document.createElement('sup');
  reference.className = 'footnote-reference';
  reference.append(footnoteButton(label, contentWords.footnote(label)));
  return reference;
}

function completeFootnote(footnote: HTMLElement): void {
  const label = footnote.title;
  footnote.tabIndex = -1;
  footnote.prepend(footnoteButton(label, contentWords.backToText(label)));
}

function footnoteButton(label: string, name: string): HTMLElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'footnote-link';
  button.textContent = label;
  button.dataset['footnote'] = label;
  button.setAttribute('aria-label', name);
  return button;
}
