import { html } from 'lit';
import Document from '@carbon/icons/es/document/20.js';

import type { FileJob } from '../api/types';
import { extensionOf } from '../state/composer/upload-limits';
import { formatSize } from '../state/composer/sizes';
import { icon } from '../ui/icon';
import { fileCardWords as words } from '../words/files';

/** A file in a question. The server does not return the text of a file, so there is no download. */
export function fileCard({ file_name: name, size_bytes: size }: FileJob) {
  const kind = extensionOf(name).toUpperCase() || words.otherKind();
  return html`<div class="file-card" role="group" aria-label=${words.file(name)}>
    ${icon(Document)}
    <span class="file-card-name" dir="auto" data-tooltip=${name} data-tooltip-when="truncated"
      >${name}</span
    >
    <span class="file-card-kind">${kind} · ${formatSize(size)}</span>
  </div>`;
}
