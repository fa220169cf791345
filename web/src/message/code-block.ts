import { html, render } from 'lit';
import Copy from '@carbon/icons/es/copy/16.js';

import { copyText } from '../ui/clipboard';
import { icon } from '../ui/icon';
import { highlight } from '../markdown/highlight';

interface Code {
  language: string;
  code: string;
}

/** Shows code in `place`: while it grows only its text changes, and once it is whole it is coloured. */
export function codeBlock(place: Element, { language, code }: Code, isOpen: boolean): void {
  const known = place.querySelector('code');
  if (known && place.getAttribute('data-language') === language) {
    known.textContent = code;
  } else {
    place.setAttribute('data-language', language);
    place.replaceChildren(frame(language, code));
  }
  if (!isOpen) void colour(place, language, code);
}

function frame(language: string, code: string): DocumentFragment {
  const holder = document.createDocumentFragment();
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
    holder,
  );
  const element = holder.querySelector('code');
  if (element) element.textContent = code;
  return holder;
}

function copyCode(event: Event): void {
  const button = event.currentTarget as Element;
  void copyText(button.closest('figure')?.querySelector('code')?.textContent ?? '', button);
}

async function colour(place: Element, language: string, code: string): Promise<void> {
  if (language === '') return;
  const coloured = await highlight(code, language);
  const element = place.querySelector('code');
  if (coloured && element?.textContent === code) element.replaceChildren(coloured);
}
