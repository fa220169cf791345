import { html, render } from 'lit';
import Copy from '@carbon/icons/es/copy/16.js';
import Download from '@carbon/icons/es/download/16.js';
import TextWrap from '@carbon/icons/es/text--wrap/16.js';

import { highlight } from '../../markdown/highlight';
import { patchText } from '../../markdown/dom/patch';
import { keepSelection } from '../../markdown/dom/selection';
import { copyText } from '../../ui/clipboard';
import { downloadFile } from '../../ui/download';
import { icon } from '../../ui/icon';
import { contentWords } from '../../words/content';
import { fileNameOf } from './file-names';

type Action = 'wrap' | 'download' | 'copy';

/** An empty code block. Cloning it is cheaper than rendering the template for each block. */
let prototype: Element | undefined;

/** Creates a code block with a toolbar. `handleCodeClick` handles the clicks. */
export function createCodeBlock(language: string, code: string): Element {
  prototype ??= createPrototype();
  const block = prototype.cloneNode(true) as Element;
  block.setAttribute('data-language', language);
  const label = block.querySelector('.code-language');
  if (label) label.textContent = language || contentWords.plainText();
  codeOf(block)?.append(code);
  return block;
}

/** Shows more code in an existing block. Keeps the selection and the scroll position. */
export function updateCode(block: Element, code: string): void {
  const element = codeOf(block);
  if (!element || element.textContent === code) return;
  const { firstChild } = element;
  if (firstChild instanceof Text && firstChild.nextSibling === null) patchText(firstChild, code);
  else element.textContent = code;
}

/** Highlights a block whose code is complete. */
export async function highlightBlock(block: Element): Promise<void> {
  const language = block.getAttribute('data-language') ?? '';
  const element = codeOf(block);
  // Highlighted code consists of elements.
  if (language === '' || !element || element.firstElementChild) return;
  const code = element.textContent ?? '';
  const highlighted = await highlight(code, language);
  if (!highlighted || element.textContent !== code) return;
  keepSelection(element, () => element.replaceChildren(highlighted));
}

/** Handles the buttons of the code blocks in a text. */
export function handleCodeClick({ target }: Event): void {
  const button = target instanceof Element ? target.closest<HTMLElement>('[data-action]') : null;
  const block = button?.closest('figure.code');
  if (!button || !block) return;
  const code = codeOf(block)?.textContent ?? '';
  switch (button.dataset['action'] as Action) {
    case 'wrap':
      button.setAttribute('aria-pressed', String(block.classList.toggle('wrapped')));
      return;
    case 'download':
      downloadFile(new Blob([code]), fileNameOf(block.getAttribute('data-language') ?? ''));
      return;
    case 'copy':
      void copyText(code, button);
  }
}

function createPrototype(): Element {
  const fragment = document.createDocumentFragment();
  render(
    html`<figure class="code" dir="ltr">
      <figcaption>
        <span class="code-language"></span>
        ${toolButton('wrap', contentWords.wrapLines(), TextWrap)}
        ${toolButton('download', contentWords.downloadCode(), Download)}
        ${toolButton('copy', contentWords.copyCode(), Copy)}
      </figcaption>
      <pre tabindex="0" aria-label=${contentWords.code()}><code></code></pre>
    </figure>`,
    fragment,
  );
  const block = fragment.querySelector('figure');
  if (!block) throw new Error('the template of code blocks has no figure');
  block.querySelector('[data-action="wrap"]')?.setAttribute('aria-pressed', 'false');
  return withoutComments(block);
}

function toolButton(name: Action, label: string, image: typeof Copy) {
  return html`<button class="quiet" type="button" data-action=${name} aria-label=${label}>
    ${icon(image)}
  </button>`;
}

/** Removes the markers that Lit needs to render again. */
function withoutComments(element: Element): Element {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_COMMENT);
  const comments: Node[] = [];
  while (walker.nextNode()) comments.push(walker.currentNode);
  for (const comment of comments) comment.parentNode?.removeChild(comment);
  return element;
}

function codeOf(block: Element): Element | null {
  return block.querySelector('code');
}
