import { html, render } from 'lit';
import Copy from '@carbon/icons/es/copy/16.js';

import { inBackground } from '../markdown/background';
import { highlight } from '../markdown/highlight';
import { copyText } from '../ui/clipboard';
import { icon } from '../ui/icon';

interface Code {
  language: string;
  code: string;
}

/** Renders code into `container`. The code is highlighted once the block is closed. */
export function renderCodeBlock(
  container: Element,
  { language, code }: Code,
  isOpen: boolean,
): void {
  const existing = container.querySelector('code');
  if (existing && container.getAttribute('data-language') === language) {
    existing.textContent = code;
  } else {
    container.setAttribute('data-language', language);
    container.replaceChildren(createBlock(language, code));
  }
  if (!isOpen) inBackground(applyHighlighting(container, language, code));
}

function createBlock(language: string, code: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  render(
    html`<figure class="code">
      <figcaption>
        <span>${language || 'text'}</span>
        <button class="quiet" type="button" aria-label="Copy code" @click=${copyCode}>
          ${icon(Copy)}
        </button>
      </figcaption>
      <pre tabindex="0" aria-label="Code"><code></code></pre>
    </figure>`,
    fragment,
  );
  const element = fragment.querySelector('code');
  if (element) element.textContent = code;
  return fragment;
}

function copyCode(event: Event): void {
  const button = event.currentTarget as Element;
  void copyText(button.closest('figure')?.querySelector('code')?.textContent ?? '', button);
}

async function applyHighlighting(
  container: Element,
  language: string,
  code: string,
): Promise<void> {
  if (language === '') return;
  const highlighted = await highlight(code, language);
  const element = container.querySelector('code');
  if (highlighted && element?.textContent === code) element.replaceChildren(highlighted);
}
